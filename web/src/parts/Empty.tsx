import type { ComponentChildren } from "preact";

/** Nothing is here: one line that says how things get here, and what one can do. */
export function Empty(props: { text: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>{props.text}</p>
      {props.children}
    </div>
  );
}
