import { openComposer } from "../composer/state";
import { facts } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { go, view } from "../state/view";

/** On a phone: the places under the thumb. */
export function BottomBar() {
  const attention = facts.value?.attention ?? 0;
  const name = view.value.view;
  return (
    <nav class="bottom-bar" aria-label="Places">
      <button type="button" class="button quiet" aria-pressed={name === "board"} onClick={() => go({ view: "board", task: null })}>Board</button>
      <button type="button" class="button quiet" aria-pressed={name === "inbox"} onClick={() => go({ view: "inbox", task: null })}>
        Needs you {attention > 0 && <b class="tabular badge">{attention}</b>}
      </button>
      <button type="button" class="button main" aria-label="New task" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => openComposer()}>+</button>
    </nav>
  );
}
