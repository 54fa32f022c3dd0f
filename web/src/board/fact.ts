// The one fact that matters about a card in its column, as a sentence. Pure: the same for every page, and easy to test.
import { duration, moment } from "../text";
import type { Card } from "../wire";

export interface Fact {
  text: string;
  /** It changes with the clock alone. */
  ticks: boolean;
  /** "needs": a person is asked; "bad": something failed. */
  tone: "plain" | "needs" | "bad";
}

const plain = (text: string, ticks = false): Fact => ({ text, ticks, tone: "plain" });

/** `seen_at`: newest sign of life that the stream has brought; 0 without any, null when it cannot have brought one yet. */
export function factOf(card: Card, now: number, seen_at: number | null): Fact {
  switch (card.status) {
    case "triage":
      return plain(`here for ${duration(now - (card.since ?? card.created_at))}`, true);
    case "todo":
      return waitFact(card, now);
    case "scheduled":
      return scheduleFact(card, now);
    case "ready":
      return readyFact(card, now);
    case "running":
      return runFact(card, now, seen_at);
    case "blocked":
      return blockFact(card);
    case "review":
      return reviewFact(card, now);
    case "done":
      return doneFact(card, now);
    default:
      return card.reason === null ? plain(`for ${duration(now - (card.since ?? card.created_at))}`, true) : plain(card.reason.text);
  }
}

function waitFact(card: Card, now: number): Fact {
  if (card.waits !== null) return plain(`waits for ${card.waits.count}: ${card.waits.first.title}`);
  if (card.reason !== null) return plain(card.reason.text);
  return plain(`here for ${duration(now - (card.since ?? card.created_at))}`, true);
}

function scheduleFact(card: Card, now: number): Fact {
  if (card.parked || card.start_at === null) return plain("parked until a person lets it go on");
  const left = card.start_at - now;
  if (left <= 0) return plain("starts now", true);
  return plain(left < 3600 ? `starts in ${duration(left)}` : `starts ${moment(card.start_at, now)}`, true);
}

function readyFact(card: Card, now: number): Fact {
  const reason = card.reason;
  const until = reason?.until ?? card.not_before;
  if (until !== null && until > now) return plain(`${reason === null ? "waits" : sentence(reason.text)}: ${duration(until - now)} left`, true);
  if (reason === null) return plain("starts next");
  return { text: sentence(reason.text), ticks: false, tone: card.assignee === null ? "needs" : "plain" };
}

/** A reason without its full stop, to go on after. */
function sentence(text: string): string {
  return text.replace(/\.$/, "");
}

const FRESH_SECONDS = 30;

function runFact(card: Card, now: number, seen_at: number | null): Fact {
  const run = card.run;
  if (run === null) return plain(`for ${duration(now - (card.since ?? now))}`, true);
  const alive = Math.max(run.seen_at ?? 0, seen_at ?? 0, run.started_at);
  // The daemon looks at logs every few seconds: an old sign from a snapshot alone would look like silence.
  const isKnown = seen_at !== null || now - alive < FRESH_SECONDS;
  const parts = [duration(now - run.started_at)];
  if (run.state !== "running") parts.push(run.state);
  if (run.is_review) parts.push("review");
  if (isKnown && (run.state === "running" || run.state === "finishing")) parts.push(`alive ${duration(now - alive)} ago`);
  if (card.attempts > 1) parts.push(`attempt ${card.attempts}`);
  const tone = run.state === "unkillable" ? "bad" : card.question !== null ? "needs" : "plain";
  if (card.question !== null) parts.splice(1, 0, "asks");
  return { text: parts.join(" · "), ticks: true, tone };
}

function blockFact(card: Card): Fact {
  if (card.question !== null) return { text: card.question.text, ticks: false, tone: "needs" };
  if (card.reason === null) return plain(card.failures > 0 ? `gave up after ${card.failures}` : "waits for a person");
  return { text: card.reason.text, ticks: false, tone: card.failures > 0 ? "bad" : "needs" };
}

function reviewFact(card: Card, now: number): Fact {
  const review = card.review;
  if (review === null) return plain(`for ${duration(now - (card.since ?? now))}`, true);
  const who = review.reviewer === null ? "for you" : `waits for ${review.reviewer}`;
  return { text: `round ${review.round}, ${who}${review.why === null ? "" : `: ${review.why}`}`, ticks: false, tone: review.reviewer === null ? "needs" : "plain" };
}

function doneFact(card: Card, now: number): Fact {
  const parts: string[] = [];
  if (card.completed_at !== null) parts.push(`${duration(now - card.completed_at)} ago`);
  if (card.started_at !== null && card.completed_at !== null && card.completed_at > card.started_at) parts.push(`took ${duration(card.completed_at - card.started_at)}`);
  if (card.attempts > 1) parts.push(`${card.attempts} runs`);
  if (card.summary !== null && card.summary !== "") parts.push(card.summary);
  return plain(parts.join(" · "), true);
}

/** "due tomorrow 9:00", "due in 40 m", "3 h late"; null without a due time, or when it is done. */
export function dueOf(card: Card, now: number): { text: string; isLate: boolean } | null {
  if (card.due_at === null || card.status === "done" || card.status === "archived") return null;
  const left = card.due_at - now;
  if (left < 0) return { text: `${duration(-left)} late`, isLate: true };
  return { text: left < 3600 ? `due in ${duration(left)}` : `due ${moment(card.due_at, now)}`, isLate: false };
}

/** Part of its time limit that a run has used, 0 to 1; null without a limit. */
export function spentOf(card: Card, now: number): number | null {
  const limit = card.run?.max_runtime_seconds ?? null;
  if (card.run === null || limit === null || limit <= 0) return null;
  return Math.min(1, Math.max(0, (now - card.run.started_at) / limit));
}
