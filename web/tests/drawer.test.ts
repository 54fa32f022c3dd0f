import assert from "node:assert/strict";
import { test } from "node:test";

import { ordered } from "../src/drawer/actions";
import { changedFields } from "../src/drawer/edit";
import { fromLocal, labelChange, parseLength, toLocal, words } from "../src/drawer/facts";
import { imageType } from "../src/drawer/image";
import { neighbour, place } from "../src/drawer/neighbour";
import { queryText } from "../src/drawer/search";
import type { Card, Move } from "../src/wire";

const card = (over: Partial<Card>): Card => ({ status: "blocked", review: null, question: null, ...over }) as Card;
const move = (operation: string): Move => ({ operation, label: operation, asks: [] }) as unknown as Move;

test("the main action is what a person most likely wants", () => {
  assert.equal(ordered(card({}), [move("archive"), move("unblock")]).main?.operation, "unblock");
  assert.equal(ordered(card({}), [move("unblock"), move("answer")]).main?.operation, "answer");
  const review = ordered(card({ status: "review", review: { round: 1, reviewer: null, why: null } }), [move("request_changes"), move("approve"), move("archive")]);
  assert.deepEqual([review.main?.operation, review.second?.operation, review.rest.map((one) => one.operation)], ["approve", "request_changes", ["archive"]]);
});

test("a review by a profile is not a person's turn, and nothing is lost from the menu", () => {
  const found = ordered(card({ status: "review", review: { round: 1, reviewer: "checker", why: null } }), [move("approve"), move("archive")]);
  assert.equal(found.main, null);
  assert.deepEqual(found.rest.map((one) => one.operation), ["approve", "archive"]);
});

test("only fields that another changed are a conflict", () => {
  const before = { id: "t_1", title: "a", body: "x", labels: ["b"], status: "ready" };
  const after = { id: "t_1", title: "a", body: "y", labels: ["b"], status: "running" };
  assert.deepEqual(changedFields(before, after, ["title"]), []);
  assert.deepEqual(changedFields(before, after, ["title", "body"]), ["body"]);
  assert.deepEqual(changedFields(before, { ...after, labels: [] }, ["add_labels"]), []);
});

test("labels are written as what is added and removed", () => {
  assert.deepEqual(labelChange(["a", "b"], words(" b, c ,c,")), { add_labels: ["c"], remove_labels: ["a"] });
  assert.equal(labelChange(["a"], ["a"]), null);
});

test("times survive the field they are edited in", () => {
  const at = Math.floor(new Date(2026, 10, 30, 9, 5).getTime() / 1000);
  assert.equal(fromLocal(toLocal(at)), at);
  assert.deepEqual([fromLocal(""), fromLocal("nonsense"), toLocal(null)], [0, null, ""]);
});

test("lengths are read as people write them", () => {
  assert.deepEqual(["90 m", "2h", "1 h 30 m", "45s", "1.5 h", "90", "soon", ""].map(parseLength), [5400, 7200, 5400, 45, 5400, null, null, null]);
});

test("previous and next follow the list that holds the task", () => {
  const lists = [["a", "b"], ["c", "d", "e"]];
  assert.deepEqual([neighbour(lists, "d", 1), neighbour(lists, "d", -1), neighbour(lists, "e", 1), neighbour(lists, "x", 1)], ["e", "c", null, null]);
  assert.deepEqual(place(lists, "d"), { at: 2, of: 3 });
});

test("pictures are known by their first bytes alone", () => {
  assert.equal(imageType(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0])), "image/png");
  assert.equal(imageType(new TextEncoder().encode("RIFF....WEBPVP8 ")), "image/webp");
  assert.equal(imageType(new TextEncoder().encode("<svg onload=alert(1)>")), null);
  assert.equal(imageType(new Uint8Array()), null);
});

test("the last word of a search may go on, and signs of the query language are none", () => {
  assert.equal(queryText("auth api"), "auth api*");
  assert.equal(queryText("auth "), "auth");
  assert.equal(queryText('"a" (b) c:*'), "a b c*");
  assert.equal(queryText(" ** "), "");
});
