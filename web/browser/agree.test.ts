// Two browsers and the daemon agree after random operations, by the API and by hand.
import assert from "node:assert/strict";
import { card, column } from "./support/cards";
import { caughtUp, isLive, Suite, type Board } from "./support/suite";

const OPERATIONS = Number(process.env["KANBAND_OPERATIONS"] ?? 200);
const SEED = Number(process.env["KANBAND_SEED"] ?? Date.now() % 1_000_000);
const suite = new Suite("[dispatch]\nenabled = false\n", { viewport: { width: 2400, height: 1400 } });
const STATUSES = ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done"];

/** mulberry32: the same seed, the same operations. */
function random(seed: number): (below: number) => number {
  let at = seed;
  return (below) => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

interface Move { operation: string; path: string; from: string; with: Record<string, unknown>; asks: { field: string; kind: string; is_required: boolean }[]; question: boolean | null }
interface Listed { id: string; title: string; priority: number }

/** A column as the daemon has it, all of it. */
async function listed({ daemon }: Board, status: string): Promise<{ count: number; cards: Listed[] }> {
  const all: Listed[] = [];
  for (;;) {
    const page = await daemon.get<{ count: number; cards: Listed[] }>(`/v1/cards?board=${daemon.board}&status=${status}&offset=${all.length}&limit=500`);
    all.push(...page.cards);
    if (page.cards.length < 500) return { count: page.count, cards: all };
  }
}

/** What a person sees: the heads' numbers, and each mounted card with its place. */
function seen(page: Board["page"]): Promise<{ status: string; count: number; cards: { id: string; at: number; title: string; priority: number }[] }[]> {
  return page.$$eval("section.column", (list) => list.map((section) => ({
    status: section.getAttribute("data-status") ?? "",
    count: Number(section.querySelector(".column-head .count")?.textContent?.replace(/\D/g, "")),
    cards: [...section.querySelectorAll("[data-card]")].map((each) => ({
      id: each.getAttribute("data-card") ?? "",
      at: Number(each.getAttribute("aria-posinset")),
      title: each.querySelector(".card-title")?.textContent ?? "",
      priority: Number(/^P(-?\d+)$/.exec(each.querySelector(".card-priority")?.textContent ?? "P0")?.[1] ?? Number.NaN),
    })).sort((a, b) => a.at - b.at),
  })));
}

suite.claim(`two browsers and the daemon agree after ${OPERATIONS} random operations`, async (first) => {
  const { daemon } = first;
  const context = await suite.logIn();
  const second = await suite.open("", context);
  const below = random(SEED);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const { moves } = await daemon.get<{ moves: Move[] }>("/v1/moves");
  const status = new Map<string, string>();
  const query = `board=${daemon.board}`;
  let done = 0;
  let refused = 0;
  for (let at = 0; at < OPERATIONS; at += 1) {
    const ids = [...status.keys()];
    const what = below(10);
    try {
      if (ids.length < 5 || what < 3) {
        const body = { board: daemon.board, title: `Task ${at}`, priority: below(5) - 1, triage: below(4) === 0, ...(below(4) === 0 && ids.length > 0 ? { parents: [one(ids)] } : {}) };
        const made = await daemon.call<{ id: string; status: string }>("POST", "/v1/tasks", body);
        status.set(made.id, made.status);
      } else if (what < 5) {
        await daemon.call("PATCH", `/v1/tasks/${one(ids)}?${query}`, { title: `Renamed ${at}`, priority: below(6) });
      } else if (what < 9) {
        const id = one(ids);
        const fitting = moves.filter((move) => move.from === status.get(id) && move.question !== true && move.operation !== "dispatch");
        if (fitting.length === 0) continue;
        const move = one(fitting);
        const asked = Object.fromEntries(move.asks.filter((ask) => ask.is_required).map((ask) => [ask.field, ask.kind === "time" ? Math.floor(Date.now() / 1000) + 3600 + below(9999) : "So it is"]));
        await daemon.call("POST", move.path.replace("{id}", id), { ...move.with, ...asked });
      } else {
        // By hand, in one of the browsers, on a card that is on its screen.
        const { page } = one([first, second]);
        const [chosen] = await page.$$eval("section.column:not([data-status=done]) [data-card]", (list, nth) => [list[nth % Math.max(1, list.length)]?.getAttribute("data-card") ?? null], below(1000));
        if (chosen === null || chosen === undefined) continue;
        await card(page, chosen).focus({ timeout: 2_000 });
        await page.keyboard.press("Shift+ArrowRight");
        await page.keyboard.press("Control+Enter");
        await page.keyboard.press("Escape");
        await page.keyboard.press("Escape");
      }
      done += 1;
    } catch {
      // The daemon may refuse what chance has chosen; that changes nothing anywhere.
      refused += 1;
    }
    for (const { id, status: now } of await list(daemon)) status.set(id, now);
  }
  console.log(`agree: KANBAND_SEED=${SEED}, ${done} operations, ${refused} refused, ${status.size} tasks`);
  assert.ok(done > OPERATIONS / 2);
  // What was done by hand may still be on its way.
  for (const { page } of [first, second]) await isLive(page);
  const truth = new Map(await Promise.all(STATUSES.map(async (name) => [name, await listed(first, name)] as const)));
  for (const board of [first, second]) {
    await isLive(board.page);
    await caughtUp(board);
    const shown = await seen(board.page);
    for (const name of STATUSES) {
      const real = truth.get(name);
      const here = shown.find((each) => each.status === name);
      assert.equal(here?.count, real?.count, `${name}: number (KANBAND_SEED=${SEED})`);
      // A column may have been scrolled to a card that was moved by hand: each card is compared with that of its place.
      const expected = (here?.cards ?? []).map(({ at }) => real?.cards[at - 1]).map((each) => ({ id: each?.id, title: each?.title, priority: each?.priority }));
      assert.deepEqual(here?.cards.map(({ id, title, priority }) => ({ id, title, priority })), expected, `${name} (KANBAND_SEED=${SEED})`);
    }
  }
  second.watch.check();
  assert.ok((await column(first.page, "ready").count()) === 1);
  await context.close();
});

function list(daemon: Board["daemon"]): Promise<{ id: string; status: string }[]> {
  return daemon.get<{ id: string; status: string }[]>(`/v1/tasks?board=${daemon.board}&archived=true`);
}
