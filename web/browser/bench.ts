// What a person waits for, in milliseconds, and as a ratio to a small request of the same page in the same run: a slow host makes both
// slow. Each board is filled through the command line.
import { writeFileSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { carry } from "./support/cards";
import { Daemon } from "./support/daemon";
import { fill } from "./support/fill";
import { CONTEXT, isLive } from "./support/suite";

const has = (flag: string): boolean => process.argv.includes(flag);
const after = (flag: string): string | undefined => (has(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined);
const SIZES = (after("--sizes") ?? (has("--quick") ? "100,200" : "1000,10000,100000")).split(",").map(Number);
const LOADS = has("--quick") ? 2 : 20;
const DROPS = has("--quick") ? 3 : 30;
const CHANGES = has("--quick") ? 5 : 100;
const PINGS = has("--quick") ? 10 : 100;

interface Line { scene: string; size: number; unit: "ms" | "MB"; samples: number; p50: number; p95: number; /** p50 by that of a small request of the page. */ ratio: number | null; goal: number; figure: "p50" | "p95" }
const lines: Line[] = [];

function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.floor(((sorted.length - 1) * percent) / 100)] ?? Number.NaN;
}

function add(scene: string, size: number, samples: readonly number[], ping_ms: number | null, goal: number, figure: Line["figure"], unit: Line["unit"] = "ms"): void {
  const [p50, p95] = [percentile(samples, 50), percentile(samples, 95)];
  lines.push({ scene, size, unit, samples: samples.length, p50, p95, ratio: ping_ms === null ? null : p50 / ping_ms, goal, figure });
}

/** A small request of the page and its answer. */
async function pings(page: Page, count: number): Promise<number> {
  const times = await page.evaluate(async (wanted) => {
    const found: number[] = [];
    for (let at = 0; at < wanted; at += 1) {
      const began = performance.now();
      await (await fetch("/v1/whoami")).text();
      found.push(performance.now() - began);
    }
    return found;
  }, count);
  return percentile(times, 50);
}

async function newPage(browser: Browser, daemon: Daemon): Promise<Page> {
  const context = await browser.newContext(CONTEXT);
  const page = await context.newPage();
  await page.goto(daemon.link());
  await isLive(page);
  return page;
}

/** From the first byte asked for to the first card drawn; each time in a browser that knows nothing of the board but its session. */
async function firstData(browser: Browser, daemon: Daemon, size: number): Promise<void> {
  const known = await newPage(browser, daemon);
  const ping_ms = await pings(known, PINGS);
  const cookies = await known.context().cookies();
  await known.context().close();
  const times: number[] = [];
  for (let at = 0; at < LOADS; at += 1) {
    const context = await browser.newContext(CONTEXT);
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.addInitScript(() => {
      const watcher = new MutationObserver(() => {
        if (document.querySelector("[data-card]") === null) return;
        watcher.disconnect();
        requestAnimationFrame(() => Object.assign(globalThis, { drawn: performance.now() }));
      });
      watcher.observe(document, { childList: true, subtree: true });
    });
    await page.goto(daemon.origin);
    await page.waitForFunction(() => "drawn" in globalThis);
    times.push(await page.evaluate(() => (globalThis as unknown as { drawn: number }).drawn));
    await context.close();
  }
  add("first data, cold", size, times, ping_ms, 1_000, "p50");
}

/** From the button of the mouse to the card in its new column with the daemon's word for it. */
async function dropSettled(page: Page, daemon: Daemon, size: number, ping_ms: number): Promise<void> {
  const times: number[] = [];
  for (let at = 0; at < DROPS; at += 1) {
    const id = daemon.create(`Dropped ${at}`, "--triage");
    await page.locator(`[data-card="${id}"]`).waitFor();
    await page.evaluate((wanted) => {
      Reflect.deleteProperty(globalThis, "settled");
      addEventListener("drop", () => {
        const began = performance.now();
        const root = document.documentElement;
        const look = (): void => {
          const isThere = document.querySelector(`section[data-status="triage"] [data-card="${wanted}"]`) === null;
          if (!isThere || root.dataset["state"] !== "live") return;
          watcher.disconnect();
          Object.assign(globalThis, { settled: performance.now() - began });
        };
        const watcher = new MutationObserver(look);
        watcher.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-state"] });
      }, { once: true, capture: true });
    }, id);
    await carry(page, id, "ready");
    await page.mouse.up();
    await page.waitForFunction(() => "settled" in globalThis);
    times.push(await page.evaluate(() => (globalThis as unknown as { settled: number }).settled));
    await page.keyboard.press("Escape");
  }
  add("drop settled", size, times, ping_ms, 100, "p50");
}

/** From the request on the operators' socket, as `kanban` makes it, to the changed card on the page. */
async function changeSeen(page: Page, daemon: Daemon, size: number, ping_ms: number): Promise<void> {
  const id = daemon.create("Changed often", "--triage");
  await page.locator(`[data-card="${id}"]`).waitFor();
  const times: number[] = [];
  for (let at = 0; at < CHANGES; at += 1) {
    const title = `Change ${at}`;
    const seen = page.evaluate(([task, words]) => new Promise<number>((resolve) => {
      const look = (): void => {
        if (document.querySelector(`[data-card="${task}"] .card-title`)?.textContent !== words) return;
        watcher.disconnect();
        resolve(Date.now());
      };
      const watcher = new MutationObserver(look);
      watcher.observe(document, { childList: true, subtree: true, characterData: true });
    }), [id, title] as const);
    // The page watches before the change is made.
    await page.evaluate(() => undefined);
    const began = Date.now();
    await daemon.call("PATCH", `/v1/tasks/${id}`, { title });
    times.push((await seen) - began);
  }
  add("change of the command line seen", size, times, ping_ms, 100, "p95");
}

async function heap(page: Page, size: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = (await session.send("Runtime.getHeapUsage")) as { usedSize: number };
  add("page heap", size, [usedSize / 1e6], null, 40, "p50", "MB");
}

const browser = await chromium.connect(process.env["KANBAND_BROWSER"] ?? "");
for (const size of SIZES) {
  const daemon = await Daemon.start("[dispatch]\nenabled = false\n");
  try {
    fill(daemon, size);
    console.log(`bench: ${size} cards: filled`);
    await firstData(browser, daemon, size);
    const page = await newPage(browser, daemon);
    const ping_ms = await pings(page, PINGS);
    await dropSettled(page, daemon, size, ping_ms);
    await changeSeen(page, daemon, size, ping_ms);
    await heap(page, size);
    await page.context().close();
  } finally {
    await daemon.end();
  }
}
await browser.close();

const isMet = (line: Line): boolean => line[line.figure] <= line.goal;
const number = (value: number): string => value.toFixed(1).padStart(9);
console.log(`${"scene".padEnd(34)}${"cards".padStart(8)}${"p50".padStart(9)}${"p95".padStart(9)}  unit  ${"by a request".padStart(12)}  goal`);
for (const line of lines) {
  const ratio = line.ratio === null ? "" : `${line.ratio.toFixed(1)} x`;
  console.log(`${line.scene.padEnd(34)}${String(line.size).padStart(8)}${number(line.p50)}${number(line.p95)}  ${line.unit.padEnd(4)}  ${ratio.padStart(12)}  ${line.figure} <= ${line.goal}${isMet(line) ? "" : " MISSED"}`);
}
const file = after("--json");
if (file !== undefined) {
  writeFileSync(file, `${JSON.stringify(lines, null, 2)}\n`);
  console.log(`as JSON: ${file}`);
}
if (has("--check") && !lines.every(isMet)) process.exitCode = 1;
