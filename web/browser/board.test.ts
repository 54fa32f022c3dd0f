// The board shows what the command line says, and follows it without asking.
import assert from "node:assert/strict";
import { card, column, focusedCard, focusCard, idsOf, inColumn, toast } from "./support/cards";
import { caughtUp, isLive, PROFILES, Suite } from "./support/suite";

const suite = new Suite(PROFILES);
const STATUSES = ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done"];

suite.claim("an empty board says how work begins, and shows it when it is there", async (board) => {
  const { page, daemon } = board;
  await page.getByText("Nothing here yet").waitFor();
  assert.match(await page.locator(".first-use").innerText(), /kanban create/);
  const id = daemon.create("The first task");
  await card(page, id).waitFor();
  assert.equal(await page.getByText("Nothing here yet").count(), 0);
});

suite.claim("every column holds the tasks that kanban list names, in the daemon's order", async (board) => {
  const { page, daemon, url } = board;
  const parent = daemon.create("A parent", "--priority", "1");
  for (const [at, priority] of ["0", "5", "-2", "5"].entries()) daemon.create(`Ready ${at}`, "--priority", priority);
  daemon.create("A child", "--parent", parent);
  daemon.create("For later", "--in", "2h");
  daemon.create("An idea", "--triage");
  const stuck = daemon.create("Stuck");
  daemon.cli("block", stuck, "Needs the key");
  const finished = daemon.create("Finished");
  daemon.cli("complete", finished, "--result", "Forty-two");
  await page.goto(url());
  await isLive(page);
  const snapshot = await daemon.get<{ columns: { status: string; cards: { id: string }[] }[] }>(`/v1/board?board=${daemon.board}`);
  for (const status of STATUSES) {
    const said = daemon.json<{ id: string }[]>("list", "--status", status).map((task) => task.id);
    const shown = await idsOf(page, status);
    assert.deepEqual([...shown].sort(), [...said].sort(), status);
    assert.deepEqual(shown, snapshot.columns.find((each) => each.status === status)?.cards.map((each) => each.id) ?? [], `order of ${status}`);
    assert.equal(await column(page, status).locator(".column-head .count").innerText(), String(said.length));
  }
  assert.match(await inColumn(page, stuck, "blocked").innerText(), /Needs the key/);
  assert.match(await inColumn(page, finished, "done").innerText(), /Forty-two/);
  assert.match(await column(page, "todo").locator("[data-card]").innerText(), /A parent/);
});

suite.claim("what the command line does appears by itself: no request for a change", async (board) => {
  const { page, daemon, watch } = board;
  await card(page, daemon.create("Stays where it is")).waitFor();
  await caughtUp(board);
  watch.forget();
  const id = daemon.create("Fresh from the shell", "--label", "new");
  await inColumn(page, id, "ready").waitFor();
  daemon.cli("edit", id, "--title", "Renamed in the shell", "--priority", "7");
  await card(page, id).getByText("Renamed in the shell").waitFor();
  await card(page, id).getByText("P7").waitFor();
  daemon.cli("block", id, "Wait for the key");
  await inColumn(page, id, "blocked").waitFor();
  daemon.cli("unblock", id);
  daemon.cli("complete", id, "--summary", "It was easy");
  await inColumn(page, id, "done").waitFor();
  daemon.cli("archive", id);
  await card(page, id).waitFor({ state: "detached" });
  await caughtUp(board);
  assert.deepEqual(watch.requests, []);
});

suite.claim("a cold load takes at most five requests for data", async ({ page, daemon, watch, url }) => {
  await card(page, daemon.create("Loaded")).waitFor();
  watch.forget();
  await page.goto(url());
  await isLive(page);
  const data = watch.requests.filter((each) => !/ \/(assets\/|\?|$)/.test(each));
  assert.ok(watch.requests.length <= 5, watch.requests.join("\n"));
  assert.ok(data.length <= 2, data.join("\n"));
});

suite.claim("arrows and letters walk the cards, Enter opens, Escape brings the focus back", async ({ page, daemon, url }) => {
  const other = daemon.create("In another column");
  await card(page, other).waitFor();
  const ids = ["Walk 1", "Walk 2", "Walk 3"].map((title) => daemon.create(title, "--triage"));
  for (const id of ids) await card(page, id).waitFor();
  const list = await idsOf(page, "triage");
  await focusCard(page, list[0] as string);
  await page.keyboard.press("j");
  assert.equal(await focusedCard(page), list[1]);
  await page.keyboard.press("ArrowDown");
  assert.equal(await focusedCard(page), list[2]);
  await page.keyboard.press("k");
  await page.keyboard.press("l");
  assert.equal(await focusedCard(page), other);
  await page.keyboard.press("h");
  assert.equal(await focusedCard(page), list[1]);
  await page.keyboard.press("Enter");
  await page.waitForURL(url(`task=${list[1]}`).replace("?board", "?*board"));
  await page.getByRole("complementary", { name: `Task ${list[1]}` }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForURL(url());
  await page.waitForFunction((id) => document.activeElement?.getAttribute("data-card") === id, list[1]);
});

suite.claim("search narrows the columns as one types, says how many, and stands in the URL", async ({ page, daemon }) => {
  const hit = daemon.create("Refund the invoice", "--body", "of the zebra");
  const miss = daemon.create("Paint the fence");
  await card(page, miss).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("zebra");
  await card(page, miss).waitFor({ state: "detached" });
  await card(page, hit).waitFor();
  assert.match(page.url(), /text=zebra/);
  assert.match(await column(page, "ready").locator(".column-head .count").innerText(), /^1 of \d+$/);
  const said = daemon.json<{ tasks?: { id: string }[] } | { id: string }[]>("search", "zebra");
  assert.ok(JSON.stringify(said).includes(hit));
  // The link alone shows the same.
  await page.reload();
  await isLive(page);
  await card(page, hit).waitFor();
  assert.equal(await card(page, miss).count(), 0);
  await page.getByRole("searchbox").press("Escape");
  await card(page, miss).waitFor();
  assert.doesNotMatch(page.url(), /text=/);
});

suite.claim("a filter by label and by assignee stands in the URL and can be cleared", async ({ page, daemon, url }) => {
  const red = daemon.create("A red one", "--label", "red");
  const blue = daemon.create("A blue one", "--label", "blue", "--assignee", "somewhere");
  await card(page, blue).waitFor();
  await page.goto(url("label=red"));
  await card(page, red).waitFor();
  assert.equal(await card(page, blue).count(), 0);
  await page.getByRole("button", { name: "Clear" }).first().click();
  await card(page, blue).waitFor();
  await page.goto(url("assignee=somewhere"));
  await card(page, blue).waitFor();
  assert.equal(await card(page, red).count(), 0);
});

suite.claim("pause and resume are seen, and done from the page", async ({ page, daemon }) => {
  daemon.create("Something to start");
  const chip = page.getByRole("button", { name: /^Dispatch|runs? of at most|paused/i }).first();
  daemon.cli("pause");
  await page.locator(".dispatch[data-is=paused]").waitFor();
  await chip.click();
  await page.getByRole("menuitemcheckbox", { name: /^✓?\s*On/ }).click();
  await page.locator(".dispatch[data-is=on]").waitFor();
  assert.match(JSON.stringify(daemon.json("status")), /"dispatch":"on"|"paused":false|on/);
  daemon.cli("pause");
  await page.locator(".dispatch[data-is=paused]").waitFor();
  daemon.cli("resume");
  await page.locator(".dispatch[data-is=on]").waitFor();
});

suite.claim("another board is chosen from its menu, with its own tasks", async ({ page, daemon }) => {
  daemon.cli("boards", "create", "shop");
  await page.reload();
  await isLive(page);
  const id = daemon.create("Fix the cart", "--board", "shop");
  await page.getByRole("button", { name: /^Board:/ }).click();
  await page.getByRole("menuitemcheckbox", { name: /shop/ }).click();
  await card(page, id).waitFor();
  assert.match(page.url(), /board=shop/);
  const second = daemon.create("Fix the basket", "--board", "shop");
  await card(page, second).waitFor();
});

suite.claim("a column folds to its spine with its number, and opens again", async ({ page, daemon }) => {
  daemon.create("To be folded", "--triage");
  await page.getByRole("button", { name: "Triage: more" }).click();
  await page.getByRole("menuitem", { name: "Fold the column" }).click();
  const spine = page.locator("section.spine[data-status=triage]");
  await spine.waitFor();
  assert.equal(await spine.locator(".count").innerText(), String(daemon.json<unknown[]>("list", "--status", "triage").length));
  await spine.getByRole("button").click();
  await column(page, "triage").waitFor();
});

suite.claim("undo takes a block back, by its button and by Ctrl-Z", async ({ page, daemon }) => {
  const id = daemon.create("To and fro");
  for (const way of ["button", "key"]) {
    await focusCard(page, id);
    await page.keyboard.press("m");
    await page.getByRole("menuitem", { name: /^Block/ }).click();
    await page.locator("dialog[open] textarea").fill("Not yet");
    await page.keyboard.press("Control+Enter");
    await inColumn(page, id, "blocked").waitFor();
    await daemon.reaches(id, "blocked");
    if (way === "button") await toast(page, "Blocked").getByRole("button", { name: "Undo" }).last().click();
    else await page.keyboard.press("Control+z");
    await inColumn(page, id, "ready").waitFor();
    await daemon.reaches(id, "ready");
  }
});
