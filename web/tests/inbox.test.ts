import assert from "node:assert/strict";
import { test } from "node:test";

import { actionOfKey, apart, asked, changes, rowKey, selectedAfter, titleOf, wordsOf, type Attention, type AttentionTask } from "../src/inbox/rows";

const task = (id: string, title: string): AttentionTask => ({ id, title, board: "default", status: "blocked", question: null });
const row = (kind: string, over: Partial<Attention> = {}): Attention => ({
  kind, message: "t_1 Fix it: which key?", command: "kanban why t_1", commands: ["kanban why t_1"], tasks: [task("t_1", "Fix it")], count: 1, since: 1, key: null, ...over,
});

test("a row says what is asked without repeating the task beside it", () => {
  assert.equal(asked(row("blocked")), "which key?");
  assert.equal(titleOf(row("blocked")), "Fix it");
  const many = row("blocked", { message: "3 tasks: program not found", count: 3 });
  assert.deepEqual([asked(many), titleOf(many)], ["program not found", "3 tasks"]);
  assert.equal(titleOf(row("disk", { message: "12 MiB free", tasks: [] })), "12 MiB free");
});

test("a key means what the row offers, and nothing else", () => {
  assert.equal(actionOfKey(row("review"), "approve"), "approve");
  assert.equal(actionOfKey(row("question"), "approve"), null);
  assert.equal(actionOfKey(row("gave_up"), "retry"), "retry");
  assert.equal(actionOfKey(row("breaker", { tasks: [] }), "retry"), "reset");
  assert.equal(actionOfKey(row("blocked"), "archive"), "cancel");
  assert.equal(actionOfKey(row("breaker", { tasks: [] }), "archive"), null);
});

test("reviews are decided one by one, equal causes of failure together; those that are not named are still counted", () => {
  const tasks = [task("t_1", "a"), task("t_2", "b")];
  const review = row("review", { tasks, count: 3, message: "3 tasks: waits for its review by a person" });
  const list = apart([review, row("gave_up", { tasks, count: 2 })]);
  assert.deepEqual(list.map((one) => [one.kind, one.tasks.length, one.count]), [["review", 1, 1], ["review", 1, 1], ["review", 0, 1], ["gave_up", 2, 2]]);
  assert.deepEqual(list.slice(0, 3).map(asked), ["waits for its review by a person", "waits for its review by a person", "and 1 more: waits for its review by a person"]);
});

test("what a worker handed beyond its reach is let go on or cancelled, each by a look of its own", () => {
  const cause = "created by a worker beyond what its profile may (may_assign)";
  const tasks = [task("t_1", "a"), task("t_2", "b")];
  const many = row("handover", { tasks, count: 2, message: `2 tasks: ${cause}` });
  const words = wordsOf(many);
  assert.deepEqual([words.label, words.group, words.status], ["Handed over", "asks", "triage"]);
  assert.deepEqual(words.actions.map((action) => action.verb), ["promote", "open", "cancel"]);
  const list = apart([many]);
  assert.deepEqual(list.map((one) => [titleOf(one), asked(one)]), [["a", cause], ["b", cause]]);
  assert.deepEqual([actionOfKey(many, "unblock"), actionOfKey(many, "archive"), actionOfKey(many, "approve")], ["promote", "cancel", null]);
});

test("a kind of a later daemon is shown with its command", () => {
  const words = wordsOf(row("quota_spent"));
  assert.equal(words.label, "quota spent");
  assert.ok(words.actions.some((action) => action.verb === "copy"));
});

test("the selection stays with its row, else with its place", () => {
  assert.equal(selectedAfter(["a", "b", "c"], "c", 0), 2);
  assert.equal(selectedAfter(["a", "c"], "b", 1), 1);
  assert.equal(selectedAfter(["a"], "b", 3), 0);
});

test("the first look makes no notices; later ones are for what is new, and end with what is gone", () => {
  const [one, two] = [row("blocked"), row("review", { tasks: [task("t_2", "b")] })];
  assert.deepEqual(changes(null, [one]), { fresh: [], gone: [] });
  const next = changes(new Set([rowKey(one)]), [two]);
  assert.deepEqual([next.fresh.map(rowKey), next.gone], [[rowKey(two)], [rowKey(one)]]);
});
