// What can be done with the selection; floats above the board.
import { useEffect } from "preact/hooks";
import { announce, ask, toast } from "../dialog";
import { openMenu, type MenuItem } from "../parts/Menu";
import { modelOf } from "../state/board";
import { moves, performAll, requestOfAsks, sharedMoves } from "../state/moves";
import { actionWord } from "../state/movewords";
import { clearSelection, selectedAll, selectionCount, targets } from "../state/selection";
import { canWrite, whyNot } from "../state/status";
import { view } from "../state/view";
import { plural, statusWords } from "../text";
import type { Move, Status } from "../wire";
import { askAssignee, askLabels, askPriority, putAway } from "./actions";
import { openMoveMenu } from "./menus";

export function BulkBar() {
  const count = selectionCount.value;
  useEffect(() => {
    if (count > 0) document.documentElement.dataset["selecting"] = "true";
    else delete document.documentElement.dataset["selecting"];
  }, [count > 0]);
  if (count === 0) return null;
  const whole = [...selectedAll.value];
  const off = !canWrite.value;
  const title = whyNot.value ?? "";
  const on = (action: () => unknown) => () => void action();
  const cards = () => targets("bulk");
  const hasMove = whole.length === 0 && sharedMoves(cards()).length > 0;
  return (
    <div class="bulk" role="toolbar" aria-label={`${plural(count, "selected task")}`}>
      <b class="tabular">{count.toLocaleString("en-US")} selected</b>
      {whole.length > 0 ? (
        <>
          <span class="muted">all that match in {whole.map((status) => statusWords(status).word).join(", ")}</span>
          <button type="button" class="button" disabled={off} title={title} aria-haspopup="menu" onClick={(event) => openWholeMenu(whole, event.currentTarget)}>Move…</button>
        </>
      ) : (
        <>
          <button type="button" class="button" disabled={off || !hasMove} title={off ? title : hasMove ? "" : "These tasks have no move in common"} aria-haspopup="menu" onClick={(event) => openMoveMenu(cards(), event.currentTarget)}>Move…</button>
          <button type="button" class="button" disabled={off} title={title} onClick={on(() => askAssignee(cards()))}>Assign…</button>
          <button type="button" class="button" disabled={off} title={title} onClick={on(() => askPriority(cards()))}>Priority…</button>
          <button type="button" class="button" disabled={off} title={title} onClick={on(() => askLabels(cards()))}>Labels…</button>
          <button type="button" class="button" disabled={off} title={title} onClick={on(() => putAway(cards()))}>Archive</button>
        </>
      )}
      <button type="button" class="button quiet" onClick={() => { clearSelection(); announce("Nothing is selected"); }}>Clear</button>
    </div>
  );
}

/** Moves that apply to everything the filter lets through in these columns: the daemon chooses the tasks, not this page. */
function openWholeMenu(whole: readonly Status[], at: Element): void {
  const [first, ...rest] = whole;
  const shared = moves.peek().filter((move) => move.from === first && move.is_bulk && rest.every((status) => moves.peek().some((each) => each.from === status && each.operation === move.operation && each.label === move.label)));
  const items: MenuItem[] = shared.map((move) => ({ label: move.label, run: () => void moveWhole(move, whole) }));
  if (items.length === 0) toast("These columns have no move in common.");
  else openMenu({ label: "Move all that match", items, at });
}

async function moveWhole(move: Move, whole: readonly Status[]): Promise<void> {
  const count = whole.reduce((sum, status) => sum + modelOf(status).count.peek(), 0);
  await ask(requestOfAsks(move), {
    title: `${move.label}: ${plural(count, "task")}`,
    action: actionWord(move, count),
    text: "All that match the filter, also those that are not loaded here.",
    submit: async (values) => {
      for (const status of whole) await performAll(move, status, view.peek(), values);
      clearSelection();
    },
  });
}
