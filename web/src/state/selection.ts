// Which cards are selected, which one has the focus, and what a key therefore acts on.
import { computed, effect, signal, untracked } from "@preact/signals";
import type { Card, Status } from "../wire";
import { boardName, cardOf, columns, kept, modelOf } from "./board";
import { onDelta } from "./stream";
import { view } from "./view";

export const selected = signal<ReadonlySet<string>>(new Set());
/** Everything that the filter lets through in these columns is selected, loaded or not. */
export const selectedAll = signal<ReadonlySet<Status>>(new Set());
/** The card that has, or last had, the focus. */
export const focused = signal<string | null>(null);
/** The end of a range that stays. */
let anchor: string | null = null;

export const selectionCount = computed(() => {
  let count = 0;
  for (const status of selectedAll.value) count += modelOf(status).count.value;
  for (const id of selected.value) {
    const card = cardOf(id);
    if (card === undefined || !selectedAll.value.has(card.status)) count += 1;
  }
  return count;
});

export function isSelected(id: string): boolean {
  if (selected.value.has(id)) return true;
  if (selectedAll.value.size === 0) return false;
  const card = cardOf(id);
  return card !== undefined && selectedAll.value.has(card.status);
}

function set(ids: ReadonlySet<string>): void {
  selected.value = ids;
}

/** Keeps the cards that are selected or open, and lets go of the selection with its board and with what is gone from it. */
export function followSelection(): void {
  effect(() => {
    const open = view.value.task;
    kept.value = new Set(open === null ? selected.value : [...selected.value, open]);
  });
  effect(() => {
    void boardName.value;
    untracked(clearSelection);
  });
  onDelta((delta) => {
    if (delta.gone.some((id) => selected.peek().has(id))) unselect(delta.gone);
  });
}

export function clearSelection(): void {
  set(new Set());
  selectedAll.value = new Set();
  anchor = null;
}

export function toggle(id: string): void {
  const next = new Set(selected.peek());
  if (next.has(id)) next.delete(id);
  else next.add(id);
  selectedAll.value = new Set();
  anchor = id;
  set(next);
}

/** Extends the selection from where it began to `id`, within a column. */
export function extendTo(id: string): void {
  const from = anchor ?? focused.peek() ?? id;
  for (const column of Object.values(columns)) {
    const ids = column.ids.peek();
    const end = ids.indexOf(id);
    if (end < 0) continue;
    const start = ids.indexOf(from);
    const range = start < 0 ? [id] : ids.slice(Math.min(start, end), Math.max(start, end) + 1);
    anchor = start < 0 ? id : from;
    selectedAll.value = new Set();
    set(new Set([...selected.peek(), ...range]));
    return;
  }
}

/** All of a column: the loaded ones at once, and the rest by the filter when something is done with them. */
export function selectColumn(status: Status): void {
  const model = modelOf(status);
  anchor = null;
  set(new Set([...selected.peek(), ...model.ids.peek()]));
  if (model.ids.peek().length < model.count.peek()) selectedAll.value = new Set([...selectedAll.peek(), status]);
}

export function unselect(ids: Iterable<string>): void {
  const next = new Set(selected.peek());
  for (const id of ids) next.delete(id);
  set(next);
}

/** What a key acts on: the selection, else the focused card, else the open task. */
export function targets(scope: string): Card[] {
  const open = view.peek().task;
  if (scope === "drawer" && open !== null) return cardsOf([open]);
  if (selected.peek().size > 0) return cardsOf(selected.peek());
  if (scope === "board" && focused.peek() !== null) return cardsOf([focused.peek() as string]);
  return open === null ? [] : cardsOf([open]);
}

function cardsOf(ids: Iterable<string>): Card[] {
  const list: Card[] = [];
  for (const id of ids) {
    const card = cardOf(id);
    if (card !== undefined) list.push(card);
  }
  return list;
}
