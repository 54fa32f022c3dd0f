// The board's keys: walking, selecting and acting on cards.
import { announce, toast } from "../dialog";
import { onKey, type KeyAction, type Scope } from "../keys";
import { openComposer } from "../composer/state";
import { modelOf } from "../state/board";
import { loadMore } from "../state/load";
import { movesOf } from "../state/moves";
import { clearSelection, extendTo, focused, selectColumn, selectionCount, targets, toggle } from "../state/selection";
import { canWrite, whyNot } from "../state/status";
import { takeBack, undos } from "../state/undo";
import { closeTask, go, openTask, view } from "../state/view";
import { plural, statusWords } from "../text";
import type { Card, Status } from "../wire";
import { act, askAssignee, askLabels, askPriority, putAway } from "./actions";
import { create } from "./ColumnHead";
import { columnOf, focusCard, focusedIn } from "./focus";
import { openColumnMenu, openMoveMenu } from "./menus";
import { performAndFocus } from "./perform";
import { openStatuses } from "./shown";

/** The focused card, or the first card of the board when none has been. */
function current(): string | null {
  const id = focused.peek();
  if (id !== null && columnOf(id) !== null) return id;
  for (const status of openStatuses.peek()) {
    const [first] = modelOf(status).ids.peek();
    if (first !== undefined) return first;
  }
  return null;
}

function isOnCard(): boolean {
  return document.activeElement instanceof HTMLElement && document.activeElement.dataset["card"] !== undefined;
}

function step(by: number, extends_selection: boolean): boolean {
  const id = current();
  if (id === null) return false;
  if (!isOnCard() && focused.peek() === null) return focusCard(id);
  const status = columnOf(id) as Status;
  const { ids: { value: ids }, gap: { value: gap }, count } = modelOf(status);
  const row = ids.indexOf(id) + by;
  const next = by > 0 && row === gap?.at ? undefined : ids[row];
  const isEnd = row >= ids.length && ids.length + (gap?.size ?? 0) < count.peek();
  if (next === undefined && (isEnd || row === gap?.at)) {
    // Faster than the loading: the next part is asked for, and the focus goes on when it is there.
    void loadMore(status, 60, isEnd && gap !== null ? ids.length + gap.size : null).then(() => focused.peek() === id && focusCard(modelOf(status).ids.peek()[row] ?? null));
    return true;
  }
  if (extends_selection && selectionCount.peek() === 0) extendTo(id);
  if (next === undefined) return true;
  if (extends_selection) {
    extendTo(next);
    announce(`${plural(selectionCount.peek(), "task")} selected`);
  }
  return focusCard(next);
}

function across(by: number): boolean {
  const id = current();
  if (id === null) return false;
  const list = openStatuses.peek();
  const from = columnOf(id) as Status;
  const row = modelOf(from).ids.peek().indexOf(id);
  for (let at = list.indexOf(from) + by; at >= 0 && at < list.length; at += by) {
    const status = list[at] as Status;
    const ids = modelOf(status).ids.peek();
    if (ids.length === 0) continue;
    const goal = focusedIn(status) ?? ids[Math.min(row, ids.length - 1)];
    return focusCard(goal as string);
  }
  return true;
}

function toEnd(isLast: boolean): boolean {
  const id = current();
  if (id === null) return false;
  const ids = modelOf(columnOf(id) as Status).ids.peek();
  return focusCard((isLast ? ids.at(-1) : ids[0]) ?? null);
}

/** Shift and an arrow: the next column in that direction that takes the cards. */
function shift(by: number): void {
  const cards = targets("board");
  const [first] = cards;
  if (first === undefined || !mayWrite()) return;
  const list = openStatuses.peek();
  for (let at = list.indexOf(first.status) + by; at >= 0 && at < list.length; at += by) {
    const status = list[at] as Status;
    const move = cards.length === 1 ? movesOf(first).find((each) => each.to.includes(status)) : undefined;
    if (move === undefined) continue;
    void performAndFocus(move, cards, status);
    return;
  }
  if (cards.length > 1) openMoveMenu(cards);
  else toast(`Nothing moves this task further ${by < 0 ? "left" : "right"} from ${statusWords(first.status).word}.`);
}

function mayWrite(): boolean {
  if (canWrite.peek()) return true;
  toast(whyNot.peek() ?? "Not now.", { kind: "refusal" });
  return false;
}

const onTargets = (action: (cards: readonly Card[]) => unknown): KeyAction => (_event, scope: Scope) => {
  const cards = targets(scope);
  if (cards.length === 0) return false;
  if (mayWrite()) void action(cards);
  return true;
};

let previewed = false;

function preview(): boolean {
  const id = focused.peek();
  if (id === null || !isOnCard()) return false;
  if (previewed) return true;
  previewed = true;
  const before = view.peek().task;
  go({ task: id }, { replace: true });
  const end = (event: KeyboardEvent): void => {
    if (event.key !== " ") return;
    previewed = false;
    document.removeEventListener("keyup", end);
    go({ task: before }, { replace: true });
    focusCard(id);
  };
  document.addEventListener("keyup", end);
  return true;
}

export function registerBoardKeys(): () => void {
  const ends = [
    onKey("card.down", () => step(1, false)),
    onKey("card.up", () => step(-1, false)),
    onKey("card.left", () => across(-1)),
    onKey("card.right", () => across(1)),
    onKey("card.first", () => toEnd(false)),
    onKey("card.last", () => toEnd(true)),
    onKey("card.open", () => {
      const id = focused.peek();
      if (id === null || !isOnCard()) return false;
      openTask(id);
      return true;
    }),
    onKey("card.preview", preview),
    onKey("card.move_left", () => shift(-1)),
    onKey("card.move_right", () => shift(1)),
    onKey("select.toggle", () => {
      const id = focused.peek();
      if (id === null) return false;
      toggle(id);
      announce(`${plural(selectionCount.peek(), "task")} selected`);
      return true;
    }),
    onKey("select.down", () => step(1, true)),
    onKey("select.up", () => step(-1, true)),
    onKey("column.menu", () => {
      const id = current();
      const status = id === null ? null : columnOf(id);
      const button = status === null ? null : document.querySelector(`[data-column-menu="${CSS.escape(status)}"]`);
      if (status === null || button === null) return false;
      openColumnMenu(status, button);
      return true;
    }),
    onKey("select.column", () => {
      const id = current();
      if (id === null) return false;
      selectColumn(columnOf(id) as Status);
      announce(`${plural(selectionCount.peek(), "task")} selected`);
      return true;
    }),
  ];
  return () => ends.forEach((end) => end());
}

/** Keys that act on a task wherever the page shows one. */
export function registerTaskKeys(): () => void {
  const ends = [
    onKey("task.move", onTargets((cards) => openMoveMenu(cards))),
    onKey("task.assignee", onTargets(askAssignee)),
    onKey("task.priority", onTargets(askPriority)),
    onKey("task.labels", onTargets(askLabels)),
    onKey("task.answer", onTargets((cards) => act(cards, "answer"))),
    onKey("task.unblock", onTargets((cards) => act(cards, "unblock"))),
    onKey("task.approve", onTargets((cards) => act(cards, "approve"))),
    onKey("task.request_changes", onTargets((cards) => act(cards, "request_changes"))),
    onKey("task.stop", onTargets((cards) => act(cards, "stop"))),
    onKey("task.archive", onTargets(putAway)),
    onKey("page.create", () => {
      if (!mayWrite()) return true;
      const id = focused.peek();
      const column = id === null || !isOnCard() ? null : columnOf(id);
      if (column !== null && ["triage", "todo", "scheduled", "ready"].includes(column)) create(column);
      else openComposer();
      return true;
    }),
    onKey("page.undo", () => {
      if (undos.peek().length === 0) return false;
      void takeBack();
      return true;
    }),
    onKey("page.close", () => {
      if (selectionCount.peek() > 0) {
        clearSelection();
        announce("Nothing is selected");
        return true;
      }
      if (view.peek().task === null || view.peek().view === "graph") return false;
      const id = view.peek().task;
      closeTask();
      requestAnimationFrame(() => focusCard(id));
      return true;
    }),
    onKey("go.board", () => go({ view: "board" })),
    onKey("go.inbox", () => go({ view: "inbox" })),
    onKey("go.graph", () => go({ view: "graph", task: view.peek().task ?? focused.peek() })),
    onKey("go.statistics", () => go({ view: "statistics" })),
    onKey("go.schedules", () => go({ view: "schedules" })),
    onKey("go.profiles", () => go({ view: "profiles" })),
  ];
  return () => ends.forEach((end) => end());
}
