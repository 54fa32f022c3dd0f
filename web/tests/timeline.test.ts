import assert from "node:assert/strict";
import { test } from "node:test";

import { isPerson, itemKey, rows, staleRuns, withNewest, withOlder } from "../src/drawer/timeline";
import type { TimelineItem } from "../src/wire";

const event = (id: number, at: number, kind = "edited", actor = "ada", run_id: number | null = null, count = 1): TimelineItem => ({ type: "event", id, at, kind, actor, text: kind, run_id, count });
const comment = (id: number, at: number): TimelineItem => ({ type: "comment", id, at, author: "ada", html: "<p>x</p>", run_id: null });
const run = (id: number, at: number, ended_at: number | null): TimelineItem => ({
  type: "run", at, summary_html: null, run: { id, profile: "dev", status: "x", outcome: null, started_at: at, ended_at, closed_at: ended_at, summary: null, error: null, metadata: null },
});
const keys = (items: TimelineItem[]) => items.map(itemKey);

test("older pages go before what is loaded, and nothing is there twice", () => {
  const loaded = withOlder({ items: [event(3, 30), comment(1, 40)], next: "c3" }, { items: [event(1, 10), event(2, 20), event(3, 30)], next: null });
  assert.deepEqual(keys(loaded.items), ["event:1", "event:2", "event:3", "comment:1"]);
  assert.equal(loaded.next, null);
});

test("the newest page replaces what it holds and keeps the older items", () => {
  const before = { items: [event(1, 10), run(7, 20, null)], next: null };
  const after = withNewest(before, { items: [run(7, 20, 50), comment(1, 60)], next: "x" });
  assert.deepEqual(keys(after.items), ["event:1", "run:7", "comment:1"]);
  assert.equal(after.items[1]?.type === "run" && after.items[1].run.ended_at, 50);
  assert.equal(after.next, null);
});

test("a newest page that does not reach back to what was loaded leaves no gap: the older items go", () => {
  const after = withNewest({ items: [event(1, 10)], next: null }, { items: [event(90, 900)], next: "e90" });
  assert.deepEqual(keys(after.items), ["event:90"]);
  assert.equal(after.next, "e90");
});

test("a run that is loaded as open although another one runs is stale", () => {
  const loaded = { items: [run(7, 20, null), run(8, 30, 40)], next: null };
  assert.deepEqual(staleRuns(loaded, null), [7]);
  assert.deepEqual(staleRuns(loaded, 7), []);
});

test("signs of life of one run are one row, also over pages; those of another run are not", () => {
  const list = rows([event(1, 10, "heartbeat", "run:7", 7, 41), event(2, 20, "heartbeat", "run:7", 7), event(3, 30, "heartbeat", "run:8", 8)], "all").filter((row) => row.type === "item");
  assert.deepEqual(list.map((row) => row.type === "item" && row.count), [42, 1]);
});

test("a task is created before the run that began in the same second", () => {
  const loaded = withNewest(null, { items: [run(7, 10, 11), event(1, 10, "created"), event(2, 10, "claimed")], next: null });
  assert.deepEqual(keys(loaded.items), ["event:1", "run:7", "event:2"]);
});

test("each day has one separator", () => {
  const day = 86_400;
  assert.deepEqual(rows([event(1, day * 10), event(2, day * 10 + 60), event(3, day * 12)], "all").map((row) => row.type), ["day", "item", "item", "day", "item"]);
});

test("people are comments and what persons did; runs are runs and what happened in them", () => {
  const items = [event(1, 1, "edited", "ada"), event(2, 2, "promoted", "kanband:dispatcher"), event(3, 3, "spawned", "run:7", 7), comment(1, 4), run(7, 5, 6)];
  const shown = (filter: "people" | "runs") => rows(items, filter).flatMap((row) => (row.type === "item" ? [row.key] : []));
  assert.deepEqual(shown("people"), ["event:1", "comment:1"]);
  assert.deepEqual(shown("runs"), ["event:3", "run:7"]);
  assert.deepEqual([isPerson("ada"), isPerson("run:7"), isPerson("kanband:gc"), isPerson("")], [true, false, false, false]);
});
