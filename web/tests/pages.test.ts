import assert from "node:assert/strict";
import { test } from "node:test";

import { best } from "../src/palette/match";
import { layout, step } from "../src/pages/layout";
import { changeOf, creationOf, type Schedule } from "../src/pages/scheduleFields";
import { failures, points, quantile } from "../src/pages/series";
import type { Graph, History, HistoryRow } from "../src/wire";

const historyRow = (at: number, over: Partial<HistoryRow> = {}): HistoryRow => ({ at, profile: "dev", started: 1, finished: { completed: 1 }, queue_seconds: 0, cycle_seconds: 0, slot_seconds: 30, queue: [], cycle: [], ...over });
const history: History = {
  from: 0, to: 300, step_seconds: 100, buckets: [10, 60],
  rows: [historyRow(0), historyRow(0, { profile: "ops", finished: { crashed: 2, completed: 1, blocked: 1 } }), historyRow(200, { cycle: [0, 2, 0] })],
};

test("steps without rows are zero, and profiles are summed or chosen", () => {
  assert.deepEqual(points(history, null).map((point) => [point.done, point.failed, point.slots]), [[2, 2, 0.6], [0, 0, 0], [1, 0, 0.3]]);
  assert.deepEqual(points(history, "ops").map((point) => point.done), [1, 0, 0]);
});

test("a block, a stop and a rate limit are no failures", () => {
  assert.deepEqual(failures(points(history, null)), [{ outcome: "crashed", count: 2 }]);
});

test("quantiles lie on the line through their bucket; the last bucket has only a lower bound", () => {
  assert.equal(quantile([0, 2, 0], [10, 60], 0.5), 35);
  assert.equal(quantile([4, 0, 0], [10, 60], 0.5), 5);
  assert.equal(quantile([0, 0, 3], [10, 60], 0.9), 60);
  assert.equal(quantile([0, 0, 0], [10, 60], 0.5), null);
});

const node = (id: string, layer: number) => ({ id, title: id, status: "todo", layer, assignee: null });
const graph: Graph = { nodes: [node("a", 0), node("b", 0), node("c", 1), node("d", 1)], edges: [["a", "d"], ["b", "c"]], left_out: 0 };

test("the order inside a layer follows the lines, so that these two do not cross", () => {
  const { layers, nodes } = layout(graph);
  const above = (x: string, y: string) => (nodes.get(x)?.y ?? 0) < (nodes.get(y)?.y ?? 0);
  assert.equal(above("a", "b"), above("d", "c"));
  assert.deepEqual(layers.map((layer) => layer.length), [2, 2]);
});

test("arrows go along the lines to the side, and through the layer up and down", () => {
  const place = layout(graph);
  assert.equal(step(graph, place, "a", "ArrowRight"), "d");
  assert.equal(step(graph, place, "c", "ArrowLeft"), "b");
  assert.equal(step(graph, place, "a", "Enter"), null);
  const first = place.layers[0]?.[0] ?? "";
  assert.equal(step(graph, place, first, "ArrowUp"), null);
  assert.equal(step(graph, place, first, "ArrowDown"), place.layers[0]?.[1]);
});

const schedule = { name: "n", board: "default", cron: "0 3 * * *", zone: "UTC", overlap: "skip", catch_up: "one", task: { title: "Backup", body: "x", assignee: "ops" } } as unknown as Schedule;

test("a new schedule sends what was entered and leaves the rest to the daemon", () => {
  assert.deepEqual(creationOf({ name: "n", cron: " @daily ", zone: "", title: "Backup", body: "", assignee: null, overlap: "skip", catch_up: "one" }), { name: "n", cron: "@daily", overlap: "skip", catch_up: "one", task: { title: "Backup" } });
});

test("an edited schedule sends what is another, and null for what was emptied", () => {
  const same = { cron: "0 3 * * *", zone: "UTC", overlap: "skip", catch_up: "one", title: "Backup", body: "x", assignee: "ops" };
  assert.deepEqual(changeOf(same, schedule), {});
  assert.deepEqual(changeOf({ ...same, cron: "@daily", body: "", assignee: null }, schedule), { cron: "@daily", task: { body: null, assignee: null } });
});

test("a command is found by words, by beginnings and by initials; every word has to occur", () => {
  const all = ["Go to: Board", "Go to: Statistics", "New task…", "Request changes…", "Set the priority…"];
  const found = (typed: string) => best(all, typed, (one) => one, 9);
  assert.deepEqual(found("stat"), ["Go to: Statistics"]);
  assert.deepEqual(found("go b"), ["Go to: Board"]);
  assert.deepEqual(found("rc"), ["Request changes…"]);
  assert.deepEqual(found("nothing"), []);
  assert.equal(found("").length, 5);
});
