// What the palette offers besides tasks: the keys' actions, what can be done with the task at hand, boards and saved views.

import { hasAction, KEYS, printKey, runKey, type Scope } from "../keys";
import { boards } from "../state/board";
import { movesOf, perform } from "../state/moves";
import { targets } from "../state/selection";
import { go, view } from "../state/view";
import { openView, removeView, savedViews, saveView } from "./views";

export interface Command {
  id: string;
  label: string;
  /** Small words at the end: a key, or what kind of thing. */
  detail: string;
  run: () => void;
}

export function commands(scope: Scope): Command[] {
  const list: Command[] = [];
  const cards = targets(scope);
  const [card] = cards;
  if (card && cards.length === 1) {
    for (const [index, move] of movesOf(card).entries()) {
      list.push({ id: `move:${index}`, label: `${move.label}: ${card.title}`, detail: card.id, run: () => void perform(move, [card]) });
    }
  }
  for (const row of KEYS) {
    if (row.isMotion || row.id === "page.palette" || !hasAction(row.id)) continue;
    if (row.where.length > 0 && !row.where.includes(scope)) continue;
    const label = row.group === "Go to" ? `Go to: ${row.label}` : row.label;
    list.push({ id: row.id, label, detail: printKey(row.keys[0] ?? ""), run: () => void runKey(row.id, null, scope) });
  }
  for (const board of boards.peek()) {
    if (board.name === view.peek().board) continue;
    list.push({ id: `board:${board.name}`, label: `Board: ${board.name}`, detail: `${board.open} open`, run: () => go({ view: "board", board: board.name, task: null, assignee: [], tenant: [], label: [], text: "" }) });
  }
  for (const saved of savedViews.peek()) {
    list.push({ id: `view:${saved.name}`, label: `View: ${saved.name}`, detail: "saved", run: () => openView(saved) });
  }
  list.push({ id: "views.save", label: "Save this view…", detail: "", run: () => void saveView() });
  if (savedViews.peek().length > 0) list.push({ id: "views.remove", label: "Remove a saved view…", detail: "", run: () => void removeView() });
  return list;
}
