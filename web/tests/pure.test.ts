import assert from "node:assert/strict";
import { test } from "node:test";
import { dueOf, factOf, spentOf } from "../src/board/fact";
import { columnWidthOf } from "../src/board/fit";
import { layRows } from "../src/board/rows";
import { draftOf, fieldFaults, firstDraft, landing, taskOf } from "../src/composer/draft";
import { parseDuration, parseTime, printLocal } from "../src/dialog/times";
import { hasPassed } from "../src/state/cursor";
import { fits, queryOf } from "../src/state/filter";
import { fitsMove, moveKey, passedOver, requestOf } from "../src/state/movewords";
import { FIRST_VIEW, parseView, printView, sameCards } from "../src/state/url";
import { bytes, duration, initials, moment } from "../src/text";
import type { Move } from "../src/wire";
import { cardWith } from "./fixtures";

test("a view survives the way through the URL, and the first view is the empty query", () => {
  assert.equal(printView(FIRST_VIEW), "");
  const view = { ...FIRST_VIEW, view: "board" as const, task: "t_1", tab: "log", board: "site", assignee: ["a", "-"], label: ["x y"], text: "50% & more", archived: true, lanes: true };
  assert.deepEqual(parseView(printView(view)), view);
  assert.equal(parseView("?view=nonsense").view, "board");
});

test("opening a task changes no card that is shown; a filter does", () => {
  assert.ok(sameCards(FIRST_VIEW, { ...FIRST_VIEW, task: "t_1", lanes: true }));
  assert.ok(!sameCards(FIRST_VIEW, { ...FIRST_VIEW, text: "x" }));
  assert.ok(!sameCards(FIRST_VIEW, { ...FIRST_VIEW, archived: true }));
});

test("a filter takes any of its values in a field and all of its fields", () => {
  const card = cardWith({ assignee: null, labels: ["a", "b"], tenant: "acme" });
  const none = { assignee: [], tenant: [], label: [], text: "" };
  assert.ok(fits(card, none));
  assert.ok(fits(card, { ...none, assignee: ["coder", "-"], label: ["b", "c"] }));
  assert.ok(!fits(card, { ...none, label: ["c"] }));
  assert.ok(!fits(card, { ...none, tenant: ["globex"], label: ["a"] }));
  assert.deepEqual(queryOf({ ...none, assignee: ["a", "b"], text: " x " }), { assignee: "a,b", text: "x" });
});

test("cursors are compared within an incarnation; another one counts as passed", () => {
  assert.ok(hasPassed("a:9", "a:9"));
  assert.ok(!hasPassed("a:9", "a:10"));
  assert.ok(hasPassed("b:1", "a:10"));
  assert.ok(!hasPassed(null, "a:1"));
});

test("each column's card says the one fact that matters there", () => {
  const now = 10_000;
  const text = (change: Parameters<typeof cardWith>[0], seen_at = 0) => factOf(cardWith(change), now, seen_at).text;
  assert.equal(text({ status: "triage", since: now - 240 }), "here for 4 m");
  assert.equal(text({ status: "todo", waits: { count: 2, first: { id: "t", title: "Build the API", status: "running" } } }), "waits for 2: Build the API");
  assert.equal(text({ status: "scheduled", parked: true }), "parked until a person lets it go on");
  assert.equal(text({ status: "scheduled", start_at: now + 600 }), "starts in 10 m");
  assert.equal(text({ status: "ready" }), "starts next");
  assert.equal(text({ status: "ready", reason: { code: "backoff", text: "Waits after a failure.", until: now + 90 } }), "Waits after a failure: 1 m left");
  const run = { id: 1, state: "running", profile: "coder", started_at: now - 240, seen_at: now - 60, max_runtime_seconds: 480, is_review: false };
  assert.equal(text({ status: "running", run, attempts: 2 }, now - 3), "4 m · alive 3 s ago · attempt 2");
  assert.equal(factOf(cardWith({ status: "running", run }), now, null).text, "4 m", "an old sign from a snapshot alone is not shown");
  assert.equal(text({ status: "running", run: { ...run, state: "stopping" } }), "4 m · stopping");
  assert.equal(text({ status: "blocked", failures: 3, reason: { code: "gave_up", text: "gave up after 3: exit 1", until: null } }), "gave up after 3: exit 1");
  assert.equal(text({ status: "review", review: { round: 2, reviewer: "reviewer-x", why: null } }), "round 2, waits for reviewer-x");
  assert.equal(text({ status: "review", review: { round: 1, reviewer: null, why: null } }), "round 1, for you");
  assert.equal(text({ status: "done", completed_at: now - 60, started_at: now - 180, summary: "All tests pass" }), "1 m ago · took 2 m · All tests pass");
  assert.equal(spentOf(cardWith({ status: "running", run }), now), 0.5);
});

test("a due time is shown until the task is done, and says when it has passed", () => {
  assert.deepEqual(dueOf(cardWith({ due_at: 900 }), 1000), { text: "1 m late", isLate: true });
  assert.deepEqual(dueOf(cardWith({ due_at: 1600 }), 1000), { text: "due in 10 m", isLate: false });
  assert.equal(dueOf(cardWith({ due_at: 900, status: "done" }), 1000), null);
});

test("an unknown status is shown as it is, with its age or its reason", () => {
  assert.equal(factOf(cardWith({ status: "frozen", since: 940 }), 1000, 0).text, "for 1 m");
});

test("lanes group by name, keep the column's order inside, and put the nameless last", () => {
  const lanes: Record<string, string | null> = { a: "web", b: null, c: "api", d: "web" };
  const rows = layRows(["a", "b", "c", "d"], 5, null, (id) => lanes[id] ?? null);
  assert.deepEqual(rows.map((row) => (row.kind === "lane" ? row.name : row.kind === "card" ? row.id : "…")), ["api", "c", "web", "a", "d", "Nobody", "b", "…"]);
  assert.deepEqual(layRows(["a"], 1, null, null), [{ kind: "card", id: "a", index: 0 }]);
  assert.deepEqual(layRows(["a", "y"], 5, { at: 1, size: 2 }, null).map((row) => (row.kind === "card" ? `${row.id}${row.index}` : "…")), ["a0", "…", "…", "y3", "…"]);
});

test("columns narrow only as far as that brings all of them onto the screen", () => {
  assert.equal(columnWidthOf(1440, 4, 4, 280, 240), 280);
  assert.equal(columnWidthOf(1440, 5, 3, 280, 240), 254);
  assert.equal(columnWidthOf(1440, 8, 0, 280, 240), 280);
});

test("times are read as people write them", () => {
  const now = Math.floor(new Date(2026, 10, 30, 12, 0, 0).getTime() / 1000); // a Monday
  const local = (text: string) => printLocal(parseTime(text, now) ?? 0);
  assert.equal(parseTime("in 2h", now), now + 7200);
  assert.equal(parseTime("90m", now), now + 5400);
  assert.equal(local("tomorrow"), "2026-12-01 09:00");
  assert.equal(local("today 14:30"), "2026-11-30 14:30");
  assert.equal(local("11:00"), "2026-12-01 11:00");
  assert.equal(local("fri 9:15"), "2026-12-04 09:15");
  assert.equal(local("monday"), "2026-12-07 09:00");
  assert.equal(local("2027-01-31 14:00"), "2027-01-31 14:00");
  for (const wrong of ["", "soon", "2027-02-31", "25:00", "tomorrow 9:75"]) assert.equal(parseTime(wrong, now), null, wrong);
});

test("durations are read and written with two figures at most", () => {
  assert.equal(parseDuration("1h30m"), 5400);
  assert.equal(parseDuration("7d"), 604_800);
  assert.equal(parseDuration("x"), null);
  assert.equal(duration(59), "59 s");
  assert.equal(duration(3 * 3600 + 720), "3 h 12 m");
  assert.equal(duration(86_400 * 9), "9 d");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(initials("api-dev"), "ad");
});

test("a moment near now is named by its day", () => {
  const now = Math.floor(new Date(2026, 10, 30, 12, 0, 0).getTime() / 1000);
  const at = (day: number, hour: number) => Math.floor(new Date(2026, 10, day, hour, 5, 0).getTime() / 1000);
  assert.equal(moment(at(30, 14), now), "today 14:05");
  assert.equal(moment(at(31, 9), now), "tomorrow 9:05");
  assert.equal(moment(at(34, 9), now), "Friday 9:05");
  assert.equal(moment(at(45, 9), now), "15 Dec 9:05");
});

const move: Move = { operation: "block", path: "/v1/tasks/{id}/block", from: "ready", to: ["blocked"], label: "Block", with: { kind: "needs_input" }, asks: [], question: null, undo: "unblock", is_bulk: true };

test("a move fits by status and by the open question", () => {
  const question = { id: "q", text: "?", choices: [], default: null, deadline_at: null, kind: null };
  assert.ok(fitsMove(move, cardWith()));
  assert.ok(!fitsMove(move, cardWith({ status: "todo" })));
  const answer = { ...move, from: "blocked", question: true };
  assert.ok(fitsMove(answer, cardWith({ status: "blocked", question })));
  assert.ok(!fitsMove(answer, cardWith({ status: "blocked" })));
});

test("a request has the fixed fields and what was entered, and nothing that was left empty", () => {
  assert.deepEqual(requestOf(move, { reason: "x", comment: null, on: "" }), { kind: "needs_input", reason: "x" });
  assert.equal(moveKey(move), moveKey({ ...move, from: "todo" }));
  assert.notEqual(moveKey(move), moveKey({ ...move, with: {} }));
});

test("a move by force says what it passes over", () => {
  const force = { ...move, with: { force: true } };
  const waits = { count: 3, first: { id: "t", title: "Build it", status: "running" } };
  assert.equal(passedOver(force, [cardWith({ waits })]), "It waits for “Build it” and 2 more, and would not wait any longer.");
  assert.equal(passedOver(move, [cardWith({ waits })]), null);
});

test("a draft becomes a request without its empty fields, and says where the task will be", () => {
  const draft = { ...firstDraft(), title: "  Fix it ", max_runtime: "45m", skills: "a, b", labels: ["x"] };
  assert.deepEqual(taskOf(draft), { title: "Fix it", labels: ["x"], max_runtime_seconds: 2700, skills: ["a", "b"] });
  assert.equal(landing(draft), "Goes to Ready, and waits for an assignee.");
  assert.equal(landing({ ...draft, parents: [{ id: "t", title: "t", status: "running" }] }), "Goes to Todo: it waits for what comes before it.");
  assert.deepEqual(Object.keys(fieldFaults({ ...draftOf({ column: "scheduled" }), workspace_kind: "dir" })), ["title", "start_at", "workspace_path"]);
  assert.equal(draftOf({ column: "triage" }).triage, true);
});
