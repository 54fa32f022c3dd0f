import assert from "node:assert/strict";
import { test } from "node:test";

import { actionOfKey, apart, asked, breakerKey, changes, questionOf, rowKey, selectedAfter, titleOf, wordsOf, type Attention } from "../src/inbox/rows";

const row = (kind: string, over: Partial<Attention> = {}): Attention => ({
  kind, message: "t_1 Fix it: which key?", command: "kanban why t_1", commands: ["kanban why t_1"], tasks: [{ id: "t_1", title: "Fix it", board: "default" }], count: 1, since: 1, ...over,
});

test("a row says what is asked without repeating the task beside it", () => {
  assert.equal(asked(row("blocked")), "which key?");
  assert.equal(titleOf(row("blocked")), "Fix it");
  const many = row("blocked", { message: "3 tasks: program not found", count: 3 });
  assert.deepEqual([asked(many), titleOf(many)], ["program not found", "3 tasks"]);
  assert.equal(titleOf(row("disk", { message: "12 MiB free", tasks: [] })), "12 MiB free");
});

test("the key of a breaker is the daemon's field, else what its command resets", () => {
  assert.equal(breakerKey(row("breaker", { key: "host" }), []), "host");
  assert.equal(breakerKey(row("breaker", { command: "kanban breakers reset profile:ops", commands: ["kanban breakers reset profile:ops"] }), []), "profile:ops");
  assert.equal(breakerKey(row("breaker", { commands: ["kanban breakers reset 'workspace:/a b'"] }), ["workspace:/a b"]), "workspace:/a b");
  assert.equal(breakerKey(row("breaker", { command: "kanban breakers", commands: ["kanban breakers"] }), ["host"]), null);
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
  const tasks = [{ id: "t_1", title: "a", board: "default" }, { id: "t_2", title: "b", board: "default" }];
  const review = row("review", { tasks, count: 3, message: "3 tasks: waits for its review by a person" });
  const list = apart([review, row("gave_up", { tasks, count: 2 })]);
  assert.deepEqual(list.map((one) => [one.kind, one.tasks.length, one.count]), [["review", 1, 1], ["review", 1, 1], ["review", 0, 1], ["gave_up", 2, 2]]);
  assert.deepEqual(list.slice(0, 3).map(asked), ["waits for its review by a person", "waits for its review by a person", "and 1 more: waits for its review by a person"]);
});

test("choices are read from the end of the message, as many as there are commands, whatever they hold", () => {
  const of = (message: string, commands: number) => questionOf(row("question", { message: `t_1 Fix it: ${message}`, commands: Array.from({ length: commands }, (_, index) => `kanban answer t_1 ${index + 1}`) }));
  assert.deepEqual(of("Which [one]? [1) a, b, 2) c]", 2), { text: "Which [one]?", choices: ["a, b", "c"] });
  assert.deepEqual(of("Sure? [1) yes, 2) no] (default at its deadline: no)", 2), { text: "Sure? (default at its deadline: no)", choices: ["yes", "no"] });
  assert.deepEqual(of("What now?", 1), { text: "What now?", choices: [] });
  assert.deepEqual(of("Odd [1) a]", 2), { text: "Odd [1) a]", choices: [] });
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
  const [one, two] = [row("blocked"), row("review", { tasks: [{ id: "t_2", title: "b", board: "default" }] })];
  assert.deepEqual(changes(null, [one]), { fresh: [], gone: [] });
  const next = changes(new Set([rowKey(one)]), [two]);
  assert.deepEqual([next.fresh.map(rowKey), next.gone], [[rowKey(two)], [rowKey(one)]]);
});
