// The pictures of the documents are pictures of the page as it is: the tutorial is run as its reader runs it, and where a picture stands in
// it the page must show the text that lies beside the picture. KANBAND_TAKE_PICTURES takes all of them anew (`make pictures`).
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chromium, type Page } from "playwright-core";
import { CONTEXT, isLive } from "./support/suite";
import { partsOf, Shell } from "./support/tutorial";

const DOCS = join(process.env["KANBAND_WEB"] ?? ".", "../docs");
const PICTURES = join(DOCS, "pictures");
const IS_TAKING = process.env["KANBAND_TAKE_PICTURES"] === "1";
const PICTURES_MAX = 24;
const BYTES_MAX = 150_000;
const SIZE = { width: 1280, height: 720 };

/** What of the page a picture shows; `$name` is a variable of the tutorial's shell. */
const VIEWS: Record<string, string> = {
  "solo-waiting": "board=solo",
  "solo-done": "board=solo",
  "fleet-running": "board=fleet&lanes=1",
  "fleet-done": "board=fleet",
  "pipeline-blocked": "board=pipeline&task=$build",
  "pipeline-timeline": "board=pipeline&task=$build&tab=timeline",
  "breaker-inbox": "board=operations&view=inbox",
  "breaker-done": "board=operations",
  "answer-inbox": "board=questions&view=inbox",
  "answer-done": "board=questions&task=$report&tab=timeline",
  "review-waiting": "board=reviews&task=$terms",
  "review-done": "board=reviews&task=$terms&tab=timeline",
};

const tutorial = partsOf(readFileSync(join(DOCS, "tutorial.md"), "utf8"));
const names = tutorial.flatMap((part) => (part.kind === "picture" ? [part.name] : []));

/** Waits until nothing is on its way any longer: neither a request nor a run that begins or ends. */
async function settled(page: Page): Promise<void> {
  await isLive(page);
  await page.waitForLoadState("networkidle");
  await page.waitForFunction(() => document.querySelector("[aria-busy=true], .ghost") === null && !/\b(starting|finishing|stopping)\b/.test(document.body.innerText));
}

/** The lines of one text that the other lacks, each as often as it is lacking. Their order does not count: cards that are equal in all
 * that orders them may change places. */
function missing(from: string, of: string): string[] {
  const left = from.split("\n");
  return of.split("\n").filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

test("the tutorial runs, and its pictures show what the page shows", async () => {
  const shell = new Shell();
  const browser = await chromium.connect(process.env["KANBAND_BROWSER"] ?? "");
  const stale: string[] = [];
  try {
    const context = await browser.newContext({ ...CONTEXT, viewport: SIZE });
    context.setDefaultTimeout(20_000);
    if (IS_TAKING) {
      rmSync(PICTURES, { recursive: true, force: true });
      mkdirSync(PICTURES);
    }
    let origin = "";
    for (const part of tutorial) {
      if (part.kind === "commands") {
        const link = /http:\S+\/in#\S+/.exec(await shell.run(part.text))?.[0];
        if (link === undefined) continue;
        origin = new URL(link).origin;
        const page = await context.newPage();
        await page.goto(link);
        await isLive(page);
        await page.close();
        continue;
      }
      const query = await shell.run(`printf %s "${VIEWS[part.name]}"`);
      const page = await context.newPage();
      await page.goto(`${origin}/?${query}`);
      await settled(page);
      const text = `${shell.normal(await page.evaluate(() => document.body.innerText))}\n`;
      if (IS_TAKING) {
        await page.screenshot({ path: join(PICTURES, `${part.name}.png`), animations: "disabled", caret: "hide" });
        writeFileSync(join(PICTURES, `${part.name}.txt`), text);
      } else {
        const beside = readFileSync(join(PICTURES, `${part.name}.txt`), "utf8");
        const [news, gone] = [missing(beside, text), missing(text, beside)];
        if (news.length + gone.length > 0) stale.push(`${part.name} lacks ${JSON.stringify(news)} and has ${JSON.stringify(gone)} too many`);
      }
      await page.close();
    }
  } finally {
    await browser.close();
    shell.end();
  }
  assert.deepEqual(stale, [], "out of date: make pictures, and look at them");
});

test("every picture is small, is shown, and has its text beside it", () => {
  const files = readdirSync(PICTURES);
  const pictures = files.filter((name) => name.endsWith(".png"));
  assert.deepEqual([...files].sort(), [...names.flatMap((name) => [`${name}.png`, `${name}.txt`])].sort());
  assert.deepEqual([...names].sort(), Object.keys(VIEWS).sort());
  assert.ok(pictures.length <= PICTURES_MAX, `${pictures.length} pictures`);
  for (const name of pictures) {
    const bytes = readFileSync(join(PICTURES, name));
    assert.equal(bytes.subarray(1, 4).toString("latin1"), "PNG", name);
    assert.ok(statSync(join(PICTURES, name)).size <= BYTES_MAX, `${name} has ${bytes.length} bytes`);
  }
});
