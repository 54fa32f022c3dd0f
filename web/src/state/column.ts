// A column is the first part of its tasks in order, and the number of all of them. What the stream brings is placed by its sort key
// alone, or only counted. Pure: no signals, no requests.
import type { Card, Status } from "../wire";
import { orderOf, placeIn } from "./order";

export interface ColumnData {
  status: Status;
  /** The loaded beginning, sorted. */
  cards: Card[];
  /** Tasks that the filter lets through. */
  count: number;
  isExact: boolean;
  /** All tasks of this status. */
  total: number;
}

export function emptyColumn(status: Status): ColumnData {
  return { status, cards: [], count: 0, isExact: true, total: 0 };
}

/** Whether every task that the filter lets through is loaded. */
export function isWhole(column: ColumnData): boolean {
  return column.isExact && column.cards.length >= column.count;
}

export function indexIn(column: ColumnData, id: string): number {
  return column.cards.findIndex((card) => card.id === id);
}

/** Takes a card out of the loaded beginning. Says whether it was there. */
export function takeOut(column: ColumnData, id: string): boolean {
  const at = indexIn(column, id);
  if (at < 0) return false;
  column.cards.splice(at, 1);
  return true;
}

/** Puts a card in its place if that lies in the loaded beginning. `whole`: nothing is left unloaded behind it. Says whether it is in. */
export function putIn(column: ColumnData, card: Card, whole: boolean): boolean {
  const at = placeIn(column.cards, card, orderOf(column.status));
  if (at === column.cards.length && !whole) return false;
  column.cards.splice(at, 0, card);
  return true;
}

/** Merges a further window. Cards that are already here stay, unless the window has a newer version. */
export function addWindow(column: ColumnData, window: readonly Card[], newest: (card: Card) => Card | null): void {
  const order = orderOf(column.status);
  const here = new Map(column.cards.map((card) => [card.id, card]));
  for (const sent of window) {
    const card = newest(sent);
    if (card === null || card.status !== column.status) continue;
    const old = here.get(card.id);
    if (old !== undefined && old.version >= card.version) continue;
    here.set(card.id, card);
  }
  column.cards = [...here.values()].sort(order);
}

/** A snapshot's window in place of the beginning; loaded cards that sort behind it stay. */
export function renewWindow(column: ColumnData, window: readonly Card[], limit: number): void {
  const order = orderOf(column.status);
  const last = window.at(-1);
  const sent = new Set(window.map((card) => card.id));
  const isAll = window.length < limit;
  const behind = last === undefined || isAll ? [] : column.cards.filter((card) => !sent.has(card.id) && order(last, card) < 0);
  column.cards = [...window, ...behind];
}
