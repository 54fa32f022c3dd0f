// A name, with the daemon's profiles and people offered.
import { useEffect } from "preact/hooks";
import { assignees, loadAssignees } from "../state/assignees";

interface AssigneeProps { id: string; name: string; value: string; onChange: (name: string) => void; [attribute: string]: unknown }

export function AssigneeInput(props: AssigneeProps) {
  const { value, onChange, ...rest } = props;
  useEffect(() => void loadAssignees(), []);
  const known = assignees.value.find((each) => each.name === value);
  const list_id = `${props.id}-names`;
  return (
    <>
      <input {...rest} class="input" type="text" list={list_id} autocomplete="off" placeholder="Nobody" value={value} onInput={(event) => onChange(event.currentTarget.value.trim())} />
      <datalist id={list_id}>
        {assignees.value.map((each) => <option value={each.name}>{each.kind}</option>)}
      </datalist>
      <p class="meta">{value === "" ? "Without an assignee the task waits for a manual claim." : runsLine(known)}</p>
    </>
  );
}

function runsLine(known: { kind: string; would_run: string[] } | undefined): string {
  if (known === undefined) return "Not known yet: no profile or person has this name.";
  if (known.would_run.length > 0) return `Would run: ${known.would_run.join(" ")}`;
  return known.kind === "person" ? "A person: nothing is started for it." : "Nothing would be started for it.";
}
