// A column is the first part of its tasks in order, the number of all of them, and at most one further part: where somebody has
// scrolled to. What the stream brings is placed by its sort key alone, or only counted. Pure: no signals, no requests.
import type { Card, Status } from "../wire";
import { orderOf, placeIn } from "./order";

/** A part that begins behind what is loaded. */
export interface FarPart {
  /** Index of its first card in the column. */
  offset: number;
  cards: Card[];
  /** A task that is not loaded has come or gone somewhere: the offset may be wrong. */
  isOld: boolean;
}

export interface ColumnData {
  status: Status;
  /** The loaded beginning, sorted. */
  cards: Card[];
  far: FarPart | null;
  /** Tasks that the filter lets through. */
  count: number;
  isExact: boolean;
  /** All tasks of this status. */
  total: number;
}

export function emptyColumn(status: Status): ColumnData {
  return { status, cards: [], far: null, count: 0, isExact: true, total: 0 };
}

/** Whether every task that the filter lets through is loaded. */
export function isWhole(column: ColumnData): boolean {
  return column.isExact && column.cards.length >= column.count;
}

export function indexIn(column: ColumnData, id: string): number {
  return column.cards.findIndex((card) => card.id === id);
}

/** Whether exactly this row is loaded. */
export function holds(column: ColumnData, card: Card): boolean {
  return column.cards.includes(card) || (column.far?.cards.includes(card) ?? false);
}

/** Takes a card out of what is loaded. Says whether it was there. */
export function takeOut(column: ColumnData, card: Card): boolean {
  const { far } = column;
  const at = indexIn(column, card.id);
  if (at >= 0) {
    column.cards.splice(at, 1);
    if (far !== null) far.offset -= 1;
    return true;
  }
  if (far === null) return false;
  const [first] = far.cards;
  const there = far.cards.findIndex((each) => each.id === card.id);
  if (there < 0) {
    if (first !== undefined && orderOf(column.status)(card, first) < 0) far.offset -= 1;
    return false;
  }
  far.cards.splice(there, 1);
  if (far.cards.length === 0) column.far = null;
  return true;
}

/** Puts a card in its place if that is loaded. `whole`: nothing is left unloaded behind the beginning. Says whether it is in. */
export function putIn(column: ColumnData, card: Card, whole: boolean): boolean {
  const order = orderOf(column.status);
  const at = placeIn(column.cards, card, order);
  const { far } = column;
  if (at < column.cards.length || whole) {
    column.cards.splice(at, 0, card);
    if (far !== null) far.offset += 1;
    return true;
  }
  if (far === null) return false;
  const there = placeIn(far.cards, card, order);
  if (there === 0) far.offset += 1;
  else if (there < far.cards.length) far.cards.splice(there, 0, card);
  return there > 0 && there < far.cards.length;
}

/** A window from somewhere behind what is loaded, as it was asked for by its index. One that touches the part that is there joins it. */
export function jumpTo(column: ColumnData, offset: number, window: readonly Card[]): void {
  if (window.length === 0) return;
  const { far } = column;
  const cards = [...window];
  const touches = far !== null && !far.isOld && offset <= far.offset + far.cards.length && offset + cards.length >= far.offset;
  if (!touches) column.far = { offset, cards, isOld: false };
  else {
    const order = orderOf(column.status);
    const all = new Map([...far.cards, ...cards].map((card) => [card.id, card]));
    column.far = { offset: Math.min(offset, far.offset), cards: [...all.values()].sort(order), isOld: false };
  }
  joinParts(column);
}

/** One part where both meet. */
export function joinParts(column: ColumnData): void {
  const { far } = column;
  if (far === null || far.offset > column.cards.length) return;
  const all = new Map([...far.cards, ...column.cards].map((card) => [card.id, card]));
  column.cards = [...all.values()].sort(orderOf(column.status));
  column.far = null;
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
  joinParts(column);
}

/** A snapshot's window in place of the beginning; loaded cards that sort behind it stay. */
export function renewWindow(column: ColumnData, window: readonly Card[], limit: number): void {
  const order = orderOf(column.status);
  const last = window.at(-1);
  const sent = new Set(window.map((card) => card.id));
  const isAll = window.length < limit;
  const behind = last === undefined || isAll ? [] : column.cards.filter((card) => !sent.has(card.id) && order(last, card) < 0);
  column.cards = [...window, ...behind];
  if (column.far !== null) column.far.isOld = true;
}
