import { hueOf, initials } from "../text";

/** A person or a profile, as initials on one of eight hues and the name in plain text. */
export function Assignee(props: { name: string | null; isBare?: boolean }) {
  if (props.name === null) return props.isBare === true ? null : <span class="assignee muted">Nobody</span>;
  return (
    <span class="assignee" data-hue={hueOf(props.name)} title={props.name}>
      <span class="initials" aria-hidden="true">{initials(props.name)}</span>
      <span class={props.isBare === true ? "unseen" : "clip"}>{props.name}</span>
    </span>
  );
}
