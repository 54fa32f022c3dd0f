// The pure part of moves: which fit a card, what their request holds, and their past tense.
import type { Card, Move } from "../wire";

export function fitsMove(move: Move, card: Card): boolean {
  if (move.from !== card.status) return false;
  return move.question === null || move.question === (card.question !== null);
}

/** What makes two moves the same for a group of cards: one request can do both. */
export function moveKey(move: Move): string {
  return JSON.stringify([move.operation, move.with, move.asks.map((asked) => [asked.field, asked.is_required])]);
}

/** Whether the task is in its new column with the reply; a start or a stop takes its time. */
export function landsAtOnce(move: Move): boolean {
  return move.operation !== "dispatch" && move.from !== "running";
}

/** Fields of the request: the fixed ones, and what was entered; what was left empty is left out. */
export function requestOf(move: Move, values: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...move.with };
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") continue;
    fields[name] = value;
  }
  return fields;
}

const PAST: Record<string, string> = {
  promote: "Let go on", schedule: "Scheduled", unschedule: "Unscheduled", stop: "Stopping", restart: "Restarting", reclaim: "Stopping",
  cancel: "Cancelled", block: "Blocked", unblock: "Unblocked", answer: "Answered", approve: "Approved", request_changes: "Sent back",
  request_review: "Sent to review", complete: "Completed", reopen: "Reopened", triage: "Put into triage", archive: "Archived",
  unarchive: "Brought back", reassign: "Reassigned", assign: "Assigned",
};

export function pastWord(move: Move): string {
  return PAST[move.operation] ?? `${move.label}:`;
}

/** What a move by force passes over, as a sentence; null for other moves. */
export function passedOver(move: Move, cards: readonly Card[]): string | null {
  if (move.with["force"] !== true) return null;
  const waiting = cards.filter((card) => card.waits !== null);
  const [first] = waiting;
  if (first?.waits == null) return null;
  if (waiting.length > 1) return `${waiting.length} of these tasks wait for others, and would not wait any longer.`;
  const more = first.waits.count - 1;
  return `It waits for “${first.waits.first.title}”${more === 0 ? "" : ` and ${more} more`}, and would not wait any longer.`;
}

/** The word of the button that does it. "Cancel" alone would read as leaving the dialog. */
export function actionWord(move: Move, count: number): string {
  if (move.operation !== "cancel") return move.label;
  return count === 1 ? "Cancel the task" : `Cancel ${count} tasks`;
}
