// What a person without a mouse, without eyes, or with a small screen meets: axe on every state, in both themes and three sizes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { card, dialog, drop, focusCard } from "./support/cards";
import { isLive, PROFILES, Suite, type Board } from "./support/suite";

const suite = new Suite(`${PROFILES}[dispatch]\nenabled = false\n`);
const AXE = readFileSync(join(process.env["KANBAND_WEB"] ?? ".", "node_modules/axe-core/axe.min.js"), "utf8");

interface State { name: string; query: (seed: Seed) => string; reach?: (page: Page, seed: Seed) => Promise<void> }
interface Seed { ready: string; triage: string; blocked: string; review: string; done: string }

/** Every state of the page that has something of its own to read. */
const STATES: State[] = [
  { name: "board", query: () => "" },
  { name: "board, archived and lanes", query: () => "archived=1&lanes=1" },
  { name: "filter that hides all", query: () => "text=nothinghasthis" },
  { name: "drawer: overview", query: (seed) => `task=${seed.ready}` },
  { name: "drawer: timeline", query: (seed) => `task=${seed.done}&tab=timeline` },
  { name: "drawer: log", query: (seed) => `task=${seed.done}&tab=log` },
  { name: "drawer: question", query: (seed) => `task=${seed.blocked}` },
  { name: "inbox", query: () => "view=inbox" },
  { name: "graph", query: (seed) => `view=graph&task=${seed.ready}` },
  { name: "statistics", query: () => "view=statistics" },
  { name: "schedules", query: () => "view=schedules" },
  { name: "profiles", query: () => "view=profiles" },
  { name: "composer", query: () => "", reach: async (page) => { await page.keyboard.press("c"); await page.locator("dialog.composer").waitFor(); } },
  { name: "dialog", query: (seed) => `task=${seed.ready}`, reach: async (page) => { await page.locator(".drawer-status").waitFor(); await page.locator(".drawer").focus(); await page.keyboard.press("p"); await dialog(page).waitFor(); } },
  { name: "menu", query: () => "", reach: async (page) => { await page.getByRole("button", { name: "More", exact: true }).click(); await page.getByRole("menu").waitFor(); } },
  { name: "palette", query: () => "", reach: async (page) => { await page.keyboard.press("Control+k"); await page.getByRole("option").first().waitFor(); } },
  { name: "sheet of keys", query: () => "", reach: async (page) => { await page.keyboard.press("?"); await page.getByRole("dialog", { name: "Keys" }).waitFor(); } },
  { name: "selection", query: () => "", reach: async (page, seed) => { await focusCard(page, seed.triage); await page.keyboard.press("x"); await page.locator(".bulk").waitFor(); } },
];
const THEMES = ["light", "dark"] as const;
const SIZES = [{ width: 1440, height: 900 }, { width: 1024, height: 768 }, { width: 390, height: 844 }];

/** Each state with both themes and each of the sizes, and each theme with each size: two runs a state instead of six. */
const RUNS = STATES.flatMap((state, at) => THEMES.map((theme, which) => ({ state, theme, size: SIZES[(at + which * (1 + (at % 2))) % SIZES.length] as (typeof SIZES)[number] })));

async function seeded({ daemon }: Board): Promise<Seed> {
  const ready = daemon.create("Write the guide", "--body", "# Aim\n\nSay **what**, `how` and [where](https://example.org).\n\n- [x] one\n- [ ] two", "--label", "docs", "--label", "short", "--priority", "3", "--tenant", "acme", "--due", "tomorrow 9:00");
  daemon.create("Wait for the guide", "--parent", ready);
  daemon.create("Tomorrow's work", "--at", "tomorrow 9:00");
  const triage = daemon.create("An idea", "--triage");
  const done = daemon.create("Build it", "--assignee", "quick");
  daemon.cli("dispatch", done);
  await daemon.reaches(done, "done");
  daemon.cli("comment", done, "Looks **good**");
  const blocked = daemon.create("Which language?", "--assignee", "asker");
  daemon.cli("dispatch", blocked);
  await daemon.reaches(blocked, "blocked");
  const running = daemon.create("Runs", "--assignee", "held");
  daemon.cli("dispatch", running);
  const review = daemon.create("Look at it");
  daemon.cli("complete", review, "--result", "Please look");
  daemon.cli("request-review", review);
  const old = daemon.create("Put away");
  daemon.cli("complete", old, "--result", "Long ago");
  daemon.cli("archive", old);
  daemon.cli("schedules", "add", "nightly", "--cron", "0 3 * * *", "--title", "Back up");
  return { ready, triage, blocked, review, done };
}

interface Fault { id: string; impact: string; help: string; nodes: { target: string[]; failureSummary: string }[] }

async function axe(page: Page): Promise<string[]> {
  const faults = await page.evaluate(async (source) => {
    const holder = globalThis as unknown as { axe?: { run: (context: Document, options: object) => Promise<{ violations: Fault[] }> } };
    // Not by a script element: the page's policy refuses it. Playwright evaluates past the policy.
    if (holder.axe === undefined) (0, eval)(source);
    const { violations } = await (holder.axe as NonNullable<typeof holder.axe>).run(document, { resultTypes: ["violations"] });
    return violations.filter((each) => each.impact === "serious" || each.impact === "critical");
  }, AXE).catch(async () => {
    await page.evaluate(AXE);
    return page.evaluate(async () => {
      const { axe: tool } = globalThis as unknown as { axe: { run: (context: Document, options: object) => Promise<{ violations: Fault[] }> } };
      const { violations } = await tool.run(document, { resultTypes: ["violations"] });
      return violations.filter((each) => each.impact === "serious" || each.impact === "critical");
    });
  });
  return (faults as Fault[]).map((fault) => `${fault.id}: ${fault.help}: ${fault.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary.split("\n")[1]?.trim() ?? ""})`).join("; ")}`);
}

suite.claim("axe finds no serious fault in any state, in light and dark, at 1440, 1024 and 390 px", async (board) => {
  const { page, url } = board;
  const seed = await seeded(board);
  const found: string[] = [];
  assert.ok(RUNS.length <= 60);
  for (const { state, theme, size } of RUNS) {
    const name = `${state.name}, ${theme}, ${size.width} px`;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    try {
      await page.goto(url(state.query(seed)));
      await isLive(page);
      await page.waitForFunction(() => document.querySelector("#app [aria-busy=true]") === null);
      await state.reach?.(page, seed);
      for (const fault of await axe(page)) found.push(`${name}: ${fault}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > size.width) found.push(`${name}: the page is ${width} px wide`);
    } catch (error) {
      found.push(`${name}: not reached: ${error instanceof Error ? error.message.split("\n").slice(0, 4).join(" ") : String(error)}`);
    }
  }
  assert.deepEqual(found, []);
});

suite.claim("a phone shows one column a screen, moves by the menu, and is never wider than its glass", async (board) => {
  const { daemon } = board;
  const context = await suite.logIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  const id = daemon.create("On the phone", "--triage");
  const { page, watch } = await suite.open("", context);
  const isWide = () => page.evaluate(() => document.documentElement.scrollWidth);
  await card(page, id).waitFor();
  assert.equal(await isWide(), 390);
  await page.getByRole("tab", { name: /Ready/ }).tap();
  await page.waitForFunction(() => document.querySelector('.column-tab[data-status=ready]')?.getAttribute("aria-selected") === "true");
  await page.getByRole("tab", { name: /Triage/ }).tap();
  await card(page, id).tap();
  await page.getByRole("complementary", { name: `Task ${id}` }).waitFor();
  assert.equal(await isWide(), 390);
  await page.getByRole("button", { name: "Promote" }).tap();
  await daemon.reaches(id, "ready");
  await page.getByRole("button", { name: "Back to the board" }).tap();
  await page.locator(".drawer").waitFor({ state: "detached" });
  for (const query of ["view=inbox", "view=statistics", "view=schedules", "view=profiles", `view=graph&task=${id}`]) {
    await page.goto(`${daemon.origin}/?board=${daemon.board}&${query}`);
    await isLive(page);
    await page.waitForFunction(() => document.querySelector("#app [aria-busy=true]") === null);
    assert.equal(await isWide(), 390, query);
  }
  // What a finger meets is large enough.
  await page.goto(`${daemon.origin}/?board=${daemon.board}`);
  await isLive(page);
  const small = await page.$$eval(".bottom-bar button, .column-tab", (list) => list.map((each) => each.getBoundingClientRect().height).filter((height) => height < 44));
  assert.deepEqual(small, []);
  watch.check();
  await context.close();
});

suite.claim("at 200 % zoom the board is whole and can be worked", async (board) => {
  const { page, daemon, url } = board;
  const id = daemon.create("Twice as large", "--triage");
  // Twice the size on the same glass is half the pixels of a page.
  await page.setViewportSize({ width: 720, height: 450 });
  await page.goto(url());
  await card(page, id).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 720);
  await focusCard(page, id);
  await page.keyboard.press("m");
  await page.getByRole("menuitem", { name: /^Promote/ }).press("Enter");
  await daemon.reaches(id, "ready");
  assert.deepEqual(await axe(page), []);
});

suite.claim("moves, refusals and the state of the connection are said to those who do not see them", async ({ page, daemon, watch }) => {
  const id = daemon.create("To be heard", "--triage");
  await card(page, id).waitFor();
  await focusCard(page, id);
  await page.keyboard.press("x");
  await page.locator("#announcer").getByText("1 task selected").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#announcer").getByText("Nothing is selected").waitFor();
  await drop(page, id, "ready");
  await page.locator("#announcer, .toast").getByText(/To be heard/).first().waitFor();
  watch.expect("/", 0);
  await daemon.kill();
  await page.waitForSelector(':root[data-state="offline"]', { timeout: 20_000 });
  await page.locator("#announcer").getByText("Offline").waitFor();
  await daemon.run();
  await page.locator("#announcer").getByText("Connected again.").waitFor({ timeout: 25_000 });
});
