// Which cards others have just changed: they are marked once, for a moment.
import type { Card } from "../wire";
import { touchedAt } from "./pending";

/** Cards that others have just changed: how often, and when last. */
const flashes = new Map<string, { count: number; at_ms: number }>();
const FLASH_MS = 700;
const OWN_MS = 3_000;

/** Which of two equal marks a card wears that has just been changed by others; two, so that the mark begins anew. */
export function flashOf(id: string): "a" | "b" | undefined {
  const flash = flashes.get(id);
  if (flash === undefined) return undefined;
  if (Date.now() - flash.at_ms > FLASH_MS) {
    flashes.delete(id);
    return undefined;
  }
  return flash.count % 2 === 0 ? "a" : "b";
}

/** Notes that a card came anew; `old` is what was known of it. */
export function markChange(old: Card | undefined, card: Card): void {
  if (old !== undefined && looks(old) === looks(card)) return;
  if (Date.now() - (touchedAt(card.id) ?? 0) < OWN_MS) return;
  flashes.set(card.id, { count: (flashes.get(card.id)?.count ?? 0) + 1, at_ms: Date.now() });
}

function looks(card: Card): string {
  return JSON.stringify([card.status, card.title, card.assignee, card.priority, card.labels, card.comments, card.question?.id, card.run?.state, card.due_at]);
}
