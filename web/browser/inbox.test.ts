// "Needs you": each thing is finished where it stands, by mouse and by key; it leaves by itself when its cause is gone.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { PROFILES, Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const FAILING = `
[dispatch]
failure_limit = 1
[profiles.shaky]
argv = ["sh", "-c", "echo no such host >&2; exit 3"]
`;
const suite = new Suite(`${PROFILES}${FAILING}`);

const item = (page: Page, id: string) => page.locator(`.item[data-task="${id}"]`);
const gone = (page: Page, id: string) => item(page, id).waitFor({ state: "detached" });

async function asked({ daemon }: Board): Promise<string> {
  const id = daemon.create("Write the weekly report", "--assignee", "asker");
  await daemon.reaches(id, "blocked");
  return id;
}

function reviewed({ daemon }: Board): string {
  const id = daemon.create("Look at this");
  daemon.cli("complete", id, "--summary", "Please look");
  daemon.cli("request-review", id);
  return id;
}

suite.claim("a question is answered by one click on a choice, and its worker goes on", async (board) => {
  const { page, daemon } = board;
  const id = await asked(board);
  await item(page, id).getByRole("button", { name: /English/ }).click();
  await daemon.reaches(id, "done");
  await gone(page, id);
  assert.match(JSON.stringify(daemon.show(id)), /As it was said/);
}, "view=inbox");

suite.claim("a question is answered in other words with e and Ctrl-Enter", async (board) => {
  const { page, daemon } = board;
  const id = await asked(board);
  await item(page, id).focus();
  await page.keyboard.press("e");
  await item(page, id).locator("textarea").waitFor();
  await page.keyboard.type("In plain English, please");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(id, "done");
  await gone(page, id);
}, "view=inbox");

suite.claim("a review is approved with y, and sent back with n and words", async (board) => {
  const { page, daemon } = board;
  const good = reviewed(board);
  await item(page, good).focus();
  await page.keyboard.press("y");
  await daemon.reaches(good, "done");
  await gone(page, good);
  const bad = reviewed(board);
  await item(page, bad).focus();
  await page.keyboard.press("n");
  await item(page, bad).locator("textarea").waitFor();
  await page.keyboard.type("The names are unclear");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(bad, "ready");
  assert.match(JSON.stringify(daemon.show(bad)), /The names are unclear/);
}, "view=inbox");

suite.claim("a review is approved and sent back by the buttons of its row", async (board) => {
  const { page, daemon } = board;
  const good = reviewed(board);
  await item(page, good).getByRole("button", { name: "Approve" }).click();
  await daemon.reaches(good, "done");
  const bad = reviewed(board);
  await item(page, bad).getByRole("button", { name: "Request changes" }).click();
  await item(page, bad).locator("textarea").fill("Once more");
  await item(page, bad).getByRole("button", { name: "Request changes" }).click();
  await daemon.reaches(bad, "ready");
}, "view=inbox");

suite.claim("a blocked task shows its reason and goes on with an answer", async ({ page, daemon }) => {
  const id = daemon.create("Deploy it");
  daemon.cli("block", id, "Which key is meant?");
  await item(page, id).getByText("Which key is meant?").waitFor();
  await item(page, id).getByRole("button", { name: "Answer and let go on" }).click();
  await item(page, id).locator("textarea").fill("The staging key");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(id, "ready");
  assert.ok(daemon.show(id).comments.some((comment) => comment.body === "The staging key"));
}, "view=inbox");

suite.claim("a task that gave up says why, and is tried again with r", async ({ page, daemon }) => {
  const id = daemon.create("Ask the host", "--assignee", "shaky");
  await daemon.reaches(id, "blocked");
  await item(page, id).waitFor();
  assert.match(await item(page, id).innerText(), /gave up/i);
  const runs = daemon.show(id).runs.length;
  await item(page, id).focus();
  await page.keyboard.press("r");
  await until("another run", () => daemon.show(id).runs.length > runs);
}, "view=inbox");

suite.claim("a pause is a row that is finished by one button", async ({ page, daemon }) => {
  daemon.cli("pause");
  const row = page.locator('.item[data-kind="paused"]');
  await row.getByRole("button", { name: "Resume dispatch" }).click();
  await row.waitFor({ state: "detached" });
  await until("dispatch is on", async () => (await daemon.get<{ facts: { dispatch: string } }>("/v1/board?window=1")).facts.dispatch === "on");
}, "view=inbox");

suite.claim("what another person finishes leaves the inbox by itself, and the title counts what is left", async (board) => {
  const { page, daemon } = board;
  const id = daemon.create("Needs a word");
  daemon.cli("block", id, "Yes or no?");
  await item(page, id).waitFor();
  // The title follows the board, which says at most once a second how much waits.
  const before = await page.evaluate(async () => ((await (await fetch("/v1/attention")).json()) as unknown[]).length);
  const titled = (count: number) => Number(/^\((\d+)\)/.exec(document.title)?.[1] ?? 0) === count;
  await page.waitForFunction(titled, before);
  daemon.cli("complete", id, "--summary", "Yes");
  await gone(page, id);
  await page.waitForFunction((count) => Number(/^\((\d+)\)/.exec(document.title)?.[1] ?? 0) < count, before);
}, "view=inbox");
