// Cards for tests: only what a test is about differs.
import type { Card } from "../src/wire";

let last = 0;

export function cardWith(change: Partial<Card> = {}): Card {
  last += 1;
  return {
    id: `t_${String(last).padStart(8, "0")}`, board: "default", title: `Task ${last}`, status: "ready", priority: 0, assignee: "coder", tenant: null, labels: [],
    since: 1000, created_at: 1000, started_at: null, completed_at: null, start_at: null, parked: false, due_at: null, not_before: null, seq: last, version: 0,
    run: null, attempts: 0, failures: 0, reason: null, summary: null, waits: null, children: null, comments: 0, attachments: 0, question: null, review: null,
    ...change,
  };
}

/** Numbers that are the same in every run. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
