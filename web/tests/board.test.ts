import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { BoardSnapshot, Card, Delta, Status } from "../src/wire";
import { STATUSES } from "../src/wire";
import { orderOf } from "../src/state/order";
import { fits } from "../src/state/filter";
import { cardWith, randomFrom } from "./fixtures";

type BoardModule = typeof import("../src/state/board");
type PendingModule = typeof import("../src/state/pending");
let board: BoardModule;
let pending: PendingModule;

before(async () => {
  // The clock follows the tab; here there is none.
  Object.assign(globalThis, { document: { hidden: true, addEventListener: () => undefined } });
  board = await import("../src/state/board");
  pending = await import("../src/state/pending");
});

const ANY = { assignee: [], tenant: [], label: [], text: "" };

let incarnations = 0;

/** A daemon's board: the truth that the page's model is held against. */
class Truth {
  readonly tasks = new Map<string, Card>();
  readonly incarnation = `inc${(incarnations += 1)}`;
  event = 1;

  column(status: Status, filter = ANY as { assignee: string[]; tenant: string[]; label: string[]; text: string }): Card[] {
    return [...this.tasks.values()].filter((card) => card.status === status && fits(card, filter)).sort(orderOf(status));
  }

  counts(): Record<Status, number> {
    return Object.fromEntries(STATUSES.map((status) => [status, this.column(status).length]));
  }

  cursor(): string {
    return `${this.incarnation}:${this.event}`;
  }

  snapshot(filter = ANY as { assignee: string[]; tenant: string[]; label: string[]; text: string }): BoardSnapshot {
    const columns = STATUSES.filter((status) => status !== "archived").map((status) => {
      const all = this.column(status, filter);
      return { status, count: all.length, count_is_exact: true, total: this.column(status).length, cards: all.slice(0, board.WINDOW).map((card) => ({ ...card })) };
    });
    const facts = { dispatch: "on", open_runs: 0, max_running: 4, attention: 0, breakers: [], changes: 0, boards: [] };
    return { cursor: this.cursor(), now: 1000, board: "default", columns, facets: { assignees: [], tenants: [], labels: [] }, facts, boards: [], me: "a", version: "1" };
  }

  change(ids: string[], gone: string[] = []): Delta {
    this.event += 1;
    const cards = ids.map((id) => ({ ...(this.tasks.get(id) as Card) }));
    return { cursor: this.cursor(), now: 1000, board: "default", cards, gone, counts: this.counts() };
  }

  add(change: Partial<Card>): Card {
    const card = cardWith(change);
    this.tasks.set(card.id, card);
    return card;
  }

  /** The task is another one now; its next change has a higher version. */
  set(id: string, change: Partial<Card>): void {
    const card = this.tasks.get(id) as Card;
    this.tasks.set(id, { ...card, ...change, version: this.event + 1 });
  }
}

function shown(status: Status): readonly string[] {
  return board.modelOf(status).ids.peek();
}

function filled(count: number, seed = 1): Truth {
  const truth = new Truth();
  const random = randomFrom(seed);
  for (let at = 0; at < count; at += 1) {
    const status = STATUSES[Math.floor(random() * STATUSES.length)] as Status;
    truth.add({ status, priority: Math.floor(random() * 4), since: 1000 + Math.floor(random() * 500), completed_at: status === "done" ? 2000 + Math.floor(random() * 500) : null, start_at: status === "scheduled" ? 5000 + Math.floor(random() * 500) : null, assignee: random() < 0.5 ? "coder" : "tester" });
  }
  return truth;
}

/** The page's beginning of each column is that of the truth, and so is its number. */
function assertTrue(truth: Truth, filter = ANY as { assignee: string[]; tenant: string[]; label: string[]; text: string }): void {
  for (const status of STATUSES) {
    if (status === "archived") continue;
    const expected = truth.column(status, filter).map((card) => card.id);
    const ids = shown(status);
    assert.deepEqual([...ids], expected.slice(0, ids.length), `the beginning of ${status}`);
    assert.equal(board.modelOf(status).count.peek(), expected.length, `the number of ${status}`);
    for (const id of ids) assert.equal(board.cards.get(id)?.peek().title, truth.tasks.get(id)?.title);
  }
}

function loadMore(truth: Truth, status: Status): void {
  const request = board.beginWindow(status);
  if (request === null) return;
  const all = truth.column(status);
  request.finish(all.slice(request.offset, request.offset + 60).map((card) => ({ ...card })), all.length, true);
}

test("a snapshot shows the first window of each column and counts the rest", () => {
  const truth = filled(900);
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  assertTrue(truth);
  assert.equal(shown("ready").length, board.WINDOW);
});

test("after 1,000 random changes with windows between the page shows what the daemon has", () => {
  const truth = filled(700, 7);
  const random = randomFrom(42);
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  for (let step = 0; step < 1000; step += 1) {
    const ids = [...truth.tasks.keys()];
    const touched: string[] = [];
    const gone: string[] = [];
    for (let each = 0; each < 1 + Math.floor(random() * 3); each += 1) {
      const id = ids[Math.floor(random() * ids.length)] as string;
      const card = truth.tasks.get(id);
      if (card === undefined || touched.includes(id)) continue;
      const draw = random();
      if (draw < 0.06) {
        truth.tasks.delete(id);
        gone.push(id);
        continue;
      }
      if (draw < 0.2) touched.push(truth.add({ status: "ready", since: 1000 + step }).id);
      if (draw < 0.7) {
        card.status = STATUSES[Math.floor(random() * STATUSES.length)] as Status;
        card.since = 2000 + step;
        card.completed_at = card.status === "done" ? 3000 + step : null;
        card.start_at = card.status === "scheduled" ? 6000 + Math.floor(random() * 100) : null;
      } else card.priority = Math.floor(random() * 5);
      card.title = `Task at step ${step}`;
      touched.push(id);
    }
    board.applyDelta(truth.change(touched.filter((id) => truth.tasks.has(id)), gone));
    if (random() < 0.1) loadMore(truth, STATUSES[Math.floor(random() * 8)] as Status);
    if (step % 100 === 0) assertTrue(truth);
  }
  assertTrue(truth);
});

test("a window that was asked for before a card left does not bring the card back", () => {
  const truth = new Truth();
  for (let at = 0; at < 100; at += 1) truth.add({ status: "ready" });
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const request = board.beginWindow("ready");
  assert.ok(request !== null);
  const old = truth.column("ready").slice(request.offset, request.offset + 60).map((card) => ({ ...card }));
  const leaving = truth.column("ready")[50] as Card;
  leaving.status = "done";
  leaving.completed_at = 9000;
  const lost = truth.column("ready")[45] as Card;
  truth.tasks.delete(lost.id);
  board.applyDelta(truth.change([leaving.id], [lost.id]));
  request.finish(old, 100, true);
  board.applyDelta(truth.change([]));
  assert.ok(!shown("ready").includes(leaving.id));
  assert.ok(!shown("ready").includes(lost.id));
  assert.deepEqual([...shown("done")], [leaving.id]);
});

test("a window that begins behind a gap is asked for again", () => {
  const truth = new Truth();
  for (let at = 0; at < 100; at += 1) truth.add({ status: "ready" });
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const request = board.beginWindow("ready");
  assert.ok(request !== null);
  // The daemon is ahead: twenty of the beginning have left, which the stream has not brought yet.
  const left = truth.column("ready").slice(0, 20);
  for (const card of left) {
    card.status = "done";
    card.completed_at = 9000;
  }
  request.finish(truth.column("ready").slice(request.offset, request.offset + 60).map((card) => ({ ...card })), 80, true);
  board.applyDelta(truth.change(left.map((card) => card.id)));
  assertTrue(truth);
  loadMore(truth, "ready");
  assertTrue(truth);
});

test("a window that is ahead of the stream leaves no card in two columns", () => {
  const truth = new Truth();
  for (let at = 0; at < 60; at += 1) truth.add({ status: "ready" });
  const mover = truth.add({ status: "todo" });
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const request = board.beginWindow("ready");
  assert.ok(request !== null);
  mover.status = "ready";
  request.finish(truth.column("ready").slice(request.offset, request.offset + 60).map((card) => ({ ...card })), 61, true);
  board.applyDelta(truth.change([mover.id]));
  loadMore(truth, "ready");
  assertTrue(truth);
  assert.ok(!shown("todo").includes(mover.id));
});

test("a card that sorts behind what is loaded is counted, not shown", () => {
  const truth = new Truth();
  for (let at = 0; at < 60; at += 1) truth.add({ status: "ready", priority: 5 });
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const last = truth.add({ status: "ready", priority: 0 });
  board.applyDelta(truth.change([last.id]));
  assert.ok(!shown("ready").includes(last.id));
  assert.equal(board.modelOf("ready").count.peek(), 61);
  const first = truth.add({ status: "ready", priority: 9 });
  board.applyDelta(truth.change([first.id]));
  assert.equal(shown("ready")[0], first.id);
});

test("under a filter of fields, changes of known cards are counted without a request", () => {
  const truth = filled(300, 3);
  const filter = { ...ANY, assignee: ["coder"] };
  board.applySnapshot(truth.snapshot(filter), { filter, keepsLoaded: false });
  assertTrue(truth, filter);
  const asked = board.needsRenewal.peek();
  const card = truth.column("ready", filter)[0] as Card;
  card.assignee = "tester";
  board.applyDelta(truth.change([card.id]));
  assertTrue(truth, filter);
  assert.equal(board.needsRenewal.peek(), asked);
});

test("under a filter, a card that the page does not know asks for the counts anew", () => {
  const truth = filled(50, 5);
  const filter = { ...ANY, assignee: ["coder"] };
  board.applySnapshot(truth.snapshot(filter), { filter, keepsLoaded: false });
  const asked = board.needsRenewal.peek();
  const fresh = truth.add({ status: "ready", assignee: "coder" });
  board.applyDelta(truth.change([fresh.id]));
  assert.ok(board.needsRenewal.peek() > asked);
});

test("a pending move shows the card in its new column, and a refusal puts it back in its place", () => {
  const truth = filled(200, 9);
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const before_move = [...shown("ready")];
  const id = before_move[3] as string;
  const done = board.modelOf("done").count.peek();
  const patch = pending.addPatch([id], pending.movedTo("done", 99_999));
  assert.ok(!shown("ready").includes(id));
  assert.equal(shown("done")[0], id);
  assert.equal(board.modelOf("done").count.peek(), done + 1);
  pending.dropPatch(patch);
  assert.deepEqual([...shown("ready")], before_move);
  assert.equal(board.modelOf("done").count.peek(), done);
});

test("a patch goes when the stream has passed the reply, not before", () => {
  const truth = filled(100, 11);
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const id = shown("ready")[0] as string;
  const patch = pending.addPatch([id], pending.movedTo("done", 99_999));
  pending.settlePatch(patch, `${truth.incarnation}:${truth.event + 2}`, board.cursor.peek());
  board.applyDelta(truth.change([]));
  assert.equal(shown("done")[0], id, "one event too early");
  const card = truth.tasks.get(id) as Card;
  card.status = "done";
  card.completed_at = 99_999;
  board.applyDelta(truth.change([id]));
  assert.equal(pending.patches.peek().length, 0);
  assert.equal(shown("done")[0], id);
  assertTrue(truth);
});

test("reasons of the cards at the head are replaced; one that is not named has none", () => {
  const truth = new Truth();
  const waiting = truth.add({ status: "ready", reason: { code: "cap", text: "3 of 3 runs are open", until: null } });
  const other = truth.add({ status: "ready" });
  const snapshot = truth.snapshot();
  board.applySnapshot(snapshot, { filter: ANY, keepsLoaded: false });
  board.applyFacts(snapshot.facts, truth.cursor(), { [other.id]: { code: "breaker", text: "open", until: null } });
  assert.equal(board.cards.get(waiting.id)?.peek().reason, null);
  assert.equal(board.cards.get(other.id)?.peek().reason?.code, "breaker");
});

test("a snapshot of another incarnation replaces the cursor, an older one of the same does not", () => {
  const truth = filled(10, 13);
  truth.event = 50;
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  board.applySnapshot({ ...truth.snapshot(), cursor: `${truth.incarnation}:20` }, { filter: ANY, keepsLoaded: false });
  assert.equal(board.cursor.peek(), `${truth.incarnation}:50`);
  board.applySnapshot({ ...truth.snapshot(), cursor: "new:3" }, { filter: ANY, keepsLoaded: false });
  assert.equal(board.cursor.peek(), "new:3");
});

test("a newer row of another place in the order moves there, and what comes next finds its own place", () => {
  const truth = new Truth();
  const cards = [10, 20, 30, 40].map((start_at) => truth.add({ status: "scheduled", start_at }));
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const moved = cards[2] as Card;
  truth.set(moved.id, { start_at: 5 });
  // The reply of an open drawer is ahead of the stream.
  const delta = truth.change([moved.id]);
  board.learnCard(delta.cards[0] as Card);
  const next = truth.add({ status: "scheduled", start_at: 15 });
  board.applyDelta(truth.change([next.id]));
  board.applyDelta(delta);
  assert.deepEqual(board.modelOf("scheduled").ids.peek(), truth.column("scheduled").map((card) => card.id));
});

test("a snapshot that is older than the stream takes nothing back that the stream has brought", () => {
  const truth = new Truth();
  const [stays, leaves] = [truth.add({ status: "ready" }), truth.add({ status: "ready" })];
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const recording = board.recordDeltas();
  const old = truth.snapshot();
  truth.set(leaves.id, { status: "done", completed_at: 1000 });
  board.applyDelta(truth.change([leaves.id]));
  const fresh = truth.add({ status: "ready" });
  board.applyDelta(truth.change([fresh.id]));
  recording.end();
  board.applySnapshot(old, { filter: ANY, keepsLoaded: false, since: recording.deltas });
  assert.deepEqual(board.modelOf("ready").ids.peek(), [stays.id, fresh.id]);
  assert.deepEqual(board.modelOf("done").ids.peek(), [leaves.id]);
  assert.equal(board.modelOf("ready").count.peek(), 2);
  assert.equal(board.cursor.peek(), truth.cursor());
});

test("a part that somebody has scrolled to is the daemon's, whatever comes and goes around it", () => {
  const truth = filled(3000, 21);
  const random = randomFrom(5);
  const status = "ready";
  board.applySnapshot(truth.snapshot(), { filter: ANY, keepsLoaded: false });
  const read = (offset: number, rows = 60): void => {
    const request = board.beginWindow(status, offset);
    const all = truth.column(status);
    request?.finish(all.slice(request.offset, request.offset + rows).map((card) => ({ ...card })), all.length, true);
  };
  const check = (): void => {
    const gap = board.modelOf(status).gap.peek();
    const expected = truth.column(status).map((card) => card.id);
    const ids = shown(status);
    const at = gap?.at ?? ids.length;
    assert.deepEqual(ids.slice(0, at), expected.slice(0, at));
    assert.deepEqual(ids.slice(at), expected.slice(at + (gap?.size ?? 0)).slice(0, ids.length - at));
  };
  read(200);
  assert.deepEqual(board.modelOf(status).gap.peek(), { at: board.WINDOW, size: 200 - board.WINDOW, isOld: false });
  check();
  // A window that touches it joins it, above and below; one elsewhere takes its place.
  read(150);
  read(250);
  assert.equal(shown(status).length, board.WINDOW + 160);
  check();
  read(100, 20);
  assert.equal(shown(status).length, board.WINDOW + 20);
  let renewals = 0;
  for (let step = 0; step < 500; step += 1) {
    const ids = [...truth.tasks.keys()];
    const id = (random() < 0.5 ? shown(status)[Math.floor(random() * shown(status).length)] : ids[Math.floor(random() * ids.length)]) as string;
    if (random() < 0.4) truth.set(id, { status: STATUSES[Math.floor(random() * STATUSES.length)] as Status, priority: Math.floor(random() * 4) });
    else truth.set(id, { priority: Math.floor(random() * 4) });
    board.applyDelta(truth.change([id]));
    const gap = board.modelOf(status).gap.peek();
    if (gap === null) read(150);
    else if (gap.isOld) {
      renewals += 1;
      read(gap.at + gap.size);
    }
    check();
  }
  assert.ok(renewals > 0);
  // The beginning grows up to it.
  for (let more = 0; more < 20; more += 1) loadMore(truth, status);
  assert.equal(board.modelOf(status).gap.peek(), null);
  check();
});
