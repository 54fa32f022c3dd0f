// What the page costs is counted, not timed: the same for a thousand cards and for ten thousand.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { card, column } from "./support/cards";
import { fill } from "./support/fill";
import { caughtUp, isLive, Suite, type Board } from "./support/suite";

const suite = new Suite("[dispatch]\nenabled = false\n");
const ELEMENTS_OF_A_CARD = 20;
const CARDS = 120;
const ELEMENTS = 2500;
const SNAPSHOT_KB = 40;
const FIRST_LOAD_KB = 110;
const ALL_KB = 150;
const HEAP_MB = 40;

function count({ page }: Board): Promise<{ elements: number; cards: number; most: number }> {
  return page.evaluate(() => {
    const cards = [...document.querySelectorAll("[data-card]")];
    return { elements: document.querySelectorAll("*").length, cards: cards.length, most: Math.max(0, ...cards.map((each) => each.querySelectorAll("*").length + 1)) };
  });
}

/** What the page's scripts hold, after everything that can go has gone. */
async function heap({ page }: Board): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = (await session.send("Runtime.getHeapUsage")) as { usedSize: number };
  await session.detach();
  return usedSize;
}

for (const size of [1_000, 10_000]) {
  suite.claim(`${size} cards: requests, bytes, cards and elements stay within their bounds`, async (board) => {
    const { page, daemon, watch, url } = board;
    fill(daemon, size);
    watch.forget();
    const snapshot = page.waitForResponse(/\/v1\/board/);
    await page.goto(url("archived=1"));
    await isLive(page);
    await caughtUp(board);
    assert.ok(watch.requests.length <= 5, watch.requests.join("\n"));
    const bytes = gzipSync(await (await snapshot).body()).length;
    assert.ok(bytes <= SNAPSHOT_KB * 1000, `the snapshot has ${bytes} bytes after gzip`);
    assert.equal(await page.locator("section.column").count(), 9);
    for (const status of ["triage", "scheduled", "ready", "blocked", "review", "done", "archived"]) assert.ok((await column(page, status).locator("[data-card]").count()) > 2, `${status} is empty`);
    const first = await count(board);
    console.log(`scale: ${size} cards: ${watch.requests.length} requests, snapshot ${bytes} bytes after gzip, ${first.cards} cards mounted, ${first.elements} elements, ${first.most} in a card`);
    assert.ok(first.most <= ELEMENTS_OF_A_CARD && first.cards <= CARDS && first.elements <= ELEMENTS, JSON.stringify(first));
    // After scrolling through every column, too.
    for (const scroller of await page.locator(".column-scroll").all()) {
      for (const part of [0.3, 0.7, 1]) await scroller.evaluate((each, at) => (each.scrollTop = each.scrollHeight * at), part);
    }
    await page.waitForFunction(() => document.querySelector(".column .ghost") === null);
    const later = await count(board);
    assert.ok(later.cards <= CARDS && later.elements <= ELEMENTS, JSON.stringify(later));
    const held = await heap(board);
    console.log(`scale: ${size} cards: the page holds ${held} bytes after scrolling`);
    assert.ok(held <= HEAP_MB * 1_000_000, `the page holds ${held} bytes`);
    // The scrollbar dragged far: the window under the thumb is read, not all those before it.
    await page.goto(url());
    await isLive(page);
    await caughtUp(board);
    watch.forget();
    const triage = column(page, "triage");
    await triage.locator(".column-scroll").evaluate((each) => (each.scrollTop = each.scrollHeight * 0.6));
    await page.waitForFunction(() => document.querySelector('section[data-status="triage"] .ghost') === null && document.querySelectorAll('section[data-status="triage"] [data-card]').length > 2);
    assert.ok(watch.requests.length <= 2, watch.requests.join("\n"));
    const there = await triage.locator("[data-card]").evaluateAll((list) => list.map((each) => ({ id: each.getAttribute("data-card"), at: Number(each.getAttribute("aria-posinset")) })).sort((one, other) => one.at - other.at));
    const from = (there[0]?.at ?? 0) - 1;
    assert.ok(from > size / 5, `the first card on the screen is number ${from}`);
    const { cards } = await daemon.get<{ cards: { id: string }[] }>(`/v1/cards?board=${daemon.board}&status=triage&offset=${from}&limit=${there.length}`);
    assert.deepEqual(there.map((each) => each.id), cards.map((each) => each.id));
    // A change of the command line, seen or not, costs no request.
    await page.goto(url());
    await isLive(page);
    await caughtUp(board);
    watch.forget();
    const id = daemon.create("The newest of all", "--triage");
    await card(page, id).waitFor();
    daemon.cli("promote", id);
    await caughtUp(board);
    assert.deepEqual(watch.requests, []);
    assert.match(await column(page, "triage").locator(".column-head .count").innerText(), /\d/);
  });
}

suite.claim("an empty board takes no more requests, and says who could work on it", async (board) => {
  const { page, watch, url } = board;
  watch.forget();
  await page.goto(url());
  await isLive(page);
  await page.getByText("Looked for and not found").waitFor();
  await caughtUp(board);
  console.log(`scale: an empty board: ${watch.requests.length} requests`);
  assert.ok(watch.requests.length <= 5, watch.requests.join("\n"));
});

suite.claim("opening and closing the drawer again and again leaves nothing behind", async (board) => {
  const { page, daemon } = board;
  const id = daemon.create("Opened often");
  await card(page, id).waitFor();
  const session = await page.context().newCDPSession(page);
  const measure = async (): Promise<{ nodes: number; listeners: number }> => {
    await session.send("HeapProfiler.collectGarbage");
    const { metrics } = (await session.send("Performance.getMetrics")) as { metrics: { name: string; value: number }[] };
    const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
    return { nodes: of("Nodes"), listeners: of("JSEventListeners") };
  };
  await session.send("Performance.enable");
  const openOften = async (times: number): Promise<void> => {
    for (let at = 0; at < times; at += 1) {
      await card(page, id).focus();
      await page.keyboard.press("Enter");
      await page.locator(".drawer-status").waitFor();
      await page.keyboard.press("Escape");
      await page.locator(".drawer").waitFor({ state: "detached" });
    }
  };
  await openOften(5);
  const before = await measure();
  await openOften(20);
  const after = await measure();
  assert.ok(after.nodes - before.nodes < 400, `nodes: ${before.nodes}, then ${after.nodes}`);
  assert.ok(after.listeners - before.listeners < 40, `listeners: ${before.listeners}, then ${after.listeners}`);
});

test("the bundle is small: at first load, and with every lazy part", () => {
  const folder = join(process.env["KANBAND_WEB"] ?? ".", "dist");
  const size = (path: string): number => gzipSync(readFileSync(join(folder, path)), { level: 9 }).length;
  const html = readFileSync(join(folder, "index.html"), "utf8");
  const linked = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((found) => found[1] as string);
  const first = ["index.html", ...linked].reduce((sum, path) => sum + size(path), 0);
  const all = ["index.html", "in.html", ...readdirSync(join(folder, "assets")).filter((name) => /\.(js|css|svg)$/.test(name)).map((name) => `assets/${name}`)].reduce((sum, path) => sum + size(path), 0);
  console.log(`scale: bundle after gzip: ${first} bytes at first load, ${all} in all`);
  assert.ok(first <= FIRST_LOAD_KB * 1000, `${first} bytes`);
  assert.ok(all <= ALL_KB * 1000, `${all} bytes`);
});
