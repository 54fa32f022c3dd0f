// Who comes in, and how it ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTEXT, isLive, Suite } from "./support/suite";

const suite = new Suite();

test("a link of kanban dashboard logs in, and its token is nowhere afterwards", async () => {
  const context = await suite.browser.newContext(CONTEXT);
  const page = await context.newPage();
  const link = suite.daemon.link();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(link);
  await isLive(page);
  const token = link.split("#")[1] ?? "";
  assert.ok(token.length >= 32);
  assert.equal(page.url(), `${suite.daemon.origin}/`);
  // The empty page that the tab began with, and the board.
  assert.equal(await page.evaluate(() => history.length), 2, "the link is no entry of the history");
  assert.deepEqual(asked.filter((url) => url.includes(token)), []);
  const [cookie, ...others] = await context.cookies();
  assert.equal(others.length, 0);
  assert.ok(cookie?.httpOnly === true && cookie.sameSite === "Strict", JSON.stringify(cookie));
  await context.close();
});

test("a link that was used is refused, with the way to a new one", async () => {
  const link = suite.daemon.link();
  const first = await suite.browser.newContext(CONTEXT);
  const page = await first.newPage();
  await page.goto(link);
  await isLive(page);
  const second = await suite.browser.newContext(CONTEXT);
  const late = await second.newPage();
  await late.goto(link);
  await late.getByText("kanban dashboard").first().waitFor();
  assert.match(await late.locator("body").innerText(), /used|no longer|expired/i);
  assert.deepEqual(await second.cookies(), []);
  await first.close();
  await second.close();
});

test("without a session there is no data, only the way in", async () => {
  const context = await suite.browser.newContext(CONTEXT);
  for (const path of ["/v1/board", "/v1/tasks", "/v1/moves", "/v1/export", "/v1/stream"]) {
    const answer = await context.request.get(suite.daemon.origin + path, { failOnStatusCode: false });
    assert.equal(answer.status(), 401, path);
  }
  const page = await context.newPage();
  await page.goto(`${suite.daemon.origin}/`);
  await page.getByText("kanban dashboard").first().waitFor();
  assert.equal(await page.locator("[data-card]").count(), 0);
  await context.close();
});

test("a session that is revoked closes its stream; the page keeps what it shows and says how to get back", async () => {
  suite.daemon.create("Stays on the screen");
  const context = await suite.logIn();
  const { page, watch } = await suite.open("", context);
  watch.expect("/v1/", 401);
  watch.expect("/v1/stream", 0);
  await page.getByText("Stays on the screen").waitFor();
  suite.daemon.cli("dashboard", "--revoke", "all");
  await page.waitForSelector(':root[data-state="over"]');
  const banner = page.getByRole("alert");
  await banner.waitFor();
  assert.match(await banner.innerText(), /kanban dashboard/);
  assert.ok(await page.getByText("Stays on the screen").isVisible());
  assert.ok(await page.getByRole("button", { name: "+ New" }).isDisabled(), "nothing can be written");
  assert.equal(suite.daemon.cli("dashboard", "--sessions").includes("nobody"), true);
  watch.check();
  await context.close();
  await suite.renew();
});

test("a session outlives the death of the daemon", async () => {
  const { page, watch } = await suite.open();
  watch.expect("/v1/", 0);
  await suite.daemon.kill();
  await suite.daemon.run();
  await page.reload();
  await isLive(page);
  await page.close();
});
