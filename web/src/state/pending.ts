// Changes that this page has sent and the stream has not brought yet. What is shown = the daemon's rows + these, in order.
import { computed, signal } from "@preact/signals";
import type { Card, Status } from "../wire";
import { hasPassed } from "./cursor";

export interface Patch {
  key: number;
  ids: ReadonlySet<string>;
  /** The card as it will be. */
  change: (card: Card) => Card;
  /** Cursor of the daemon's reply; null while there is none. */
  cursor: string | null;
  /** Its connection broke and it is being repeated. */
  repeats: boolean;
}

let last_key = 0;

export const patches = signal<readonly Patch[]>([]);
export const isSaving = computed(() => patches.value.some((patch) => patch.cursor === null));

/** When this page last changed a card, epoch milliseconds. */
const touched = new Map<string, number>();

export function touchedAt(id: string): number | undefined {
  return touched.get(id);
}

export function addPatch(ids: Iterable<string>, change: (card: Card) => Card): Patch {
  last_key += 1;
  const patch: Patch = { key: last_key, ids: new Set(ids), change, cursor: null, repeats: false };
  for (const id of patch.ids) touched.set(id, Date.now());
  patches.value = [...patches.value, patch];
  return patch;
}

/** The daemon has answered: the patch goes when the stream has passed the reply. */
export function settlePatch(patch: Patch, reply: string | null, stream: string | null): void {
  if (reply === null || hasPassed(stream, reply)) dropPatch(patch);
  else patches.value = patches.value.map((each) => (each.key === patch.key ? { ...each, cursor: reply } : each));
}

export function dropPatch(patch: Patch): void {
  patches.value = patches.value.filter((each) => each.key !== patch.key);
}

/** The stream is at `cursor`: what it has brought needs no patch. */
export function passPatches(cursor: string): void {
  const left = patches.value.filter((patch) => patch.cursor === null || !hasPassed(cursor, patch.cursor));
  if (left.length !== patches.value.length) patches.value = left;
}

const SETTLE_MS = 1_000;

/** Resolves when no patch is on the card any longer, or when that takes longer than people wait. */
export function untilSettled(id: string): Promise<void> {
  return new Promise((resolve) => {
    let stop: (() => void) | null = null;
    const end = (): void => {
      clearTimeout(timer);
      queueMicrotask(() => stop?.());
      resolve();
    };
    const timer = setTimeout(end, SETTLE_MS);
    stop = patches.subscribe((list) => {
      if (!list.some((patch) => patch.ids.has(id))) end();
    });
  });
}

export function patched(card: Card, list: readonly Patch[]): Card {
  let shown = card;
  for (const patch of list) if (patch.ids.has(card.id)) shown = patch.change(shown);
  return shown;
}

/** A card as it looks when it has moved to `status` just now. */
export function movedTo(status: Status, at: number): (card: Card) => Card {
  return (card) => ({
    ...card,
    status,
    since: at,
    completed_at: status === "done" ? at : card.completed_at,
    run: status === "running" ? card.run : null,
    reason: null,
    question: status === "blocked" ? card.question : null,
    review: status === "review" ? card.review : null,
  });
}
