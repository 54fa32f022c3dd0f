// The order of each column, as the daemon sorts (see wire.ts). Pure.
import type { Card, Status } from "../wire";

type Order = (one: Card, other: Card) => number;

const ascending = (key: (card: Card) => number): Order => (one, other) => key(one) - key(other) || one.seq - other.seq;
const descending = (key: (card: Card) => number): Order => (one, other) => key(other) - key(one) || other.seq - one.seq;

const since = (card: Card): number => card.since ?? card.created_at;
const byPriority: Order = (one, other) => other.priority - one.priority || one.seq - other.seq;
const byStart: Order = (one, other) => {
  if (one.parked !== other.parked) return one.parked ? 1 : -1;
  return (one.start_at ?? 0) - (other.start_at ?? 0) || one.seq - other.seq;
};

const ORDERS: Record<string, Order> = {
  triage: descending(since),
  todo: byPriority,
  ready: byPriority,
  scheduled: byStart,
  running: ascending(since),
  blocked: ascending(since),
  review: ascending(since),
  done: descending((card) => card.completed_at ?? since(card)),
  archived: descending(since),
};

export function orderOf(status: Status): Order {
  return ORDERS[status] ?? ascending(since);
}

/** Index at which a card belongs in a sorted list. */
export function placeIn<T>(list: readonly T[], item: T, order: (one: T, other: T) => number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle] as T, item) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
