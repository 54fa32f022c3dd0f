// Which of a card's moves is the main one, and in which order the others stand.

import type { Card, Move } from "../wire";

/** By status: what a person most likely wants, best first. */
const FIRST: Record<string, string[]> = {
  triage: ["promote"],
  todo: ["promote"],
  scheduled: ["unschedule", "promote"],
  ready: ["dispatch"],
  running: ["answer", "stop"],
  blocked: ["answer", "unblock"],
  review: ["approve", "request_changes"],
  done: ["reopen", "request_review"],
  archived: ["unarchive"],
};

export interface Ordered {
  main: Move | null;
  /** Beside it: the other half of a decision. */
  second: Move | null;
  rest: Move[];
}

/** `moves` are those of the card. A review by a profile is not a person's turn: its approval stays in the menu. */
export function ordered(card: Card, moves: Move[]): Ordered {
  const isOthersTurn = card.status === "review" && card.review?.reviewer != null;
  const wanted = isOthersTurn ? [] : (FIRST[card.status] ?? []);
  const found = wanted.flatMap((operation) => moves.find((move) => move.operation === operation) ?? []);
  const main = found[0] ?? null;
  const second = card.status === "review" ? (found[1] ?? null) : null;
  const rest = moves.filter((move) => move !== main && move !== second);
  return { main, second, rest };
}
