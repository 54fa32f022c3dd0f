// Views with a name, and the boards that one can switch to: what leads elsewhere.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { card, dialog } from "./support/cards";
import { isLive, Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const suite = new Suite("[dispatch]\nenabled = false\n");

const menuItem = ({ page }: Board, name: string | RegExp) => page.getByRole("menuitem", { name });
const more = ({ page }: Board) => page.getByRole("button", { name: "More", exact: true }).click();

/** A page that has just begun may still be fetching the palette. */
const openPalette = (page: Page): Promise<void> => until("the palette is open", async () => {
  await page.keyboard.press("Control+k");
  return page.locator(".palette-input:focus").isVisible();
});

suite.claim("a filter is saved under a name, applied after a reload, and removed, with the mouse", async (board) => {
  const { page, daemon, url } = board;
  const docs = daemon.create("Write the guide", "--label", "docs");
  const other = daemon.create("Build the gate", "--label", "gate");
  await page.goto(url("label=docs"));
  await card(page, docs).waitFor();
  assert.equal(await card(page, other).count(), 0);
  await more(board);
  await menuItem(board, "Save this view…").click();
  await dialog(page).getByLabel("Name").fill("The guide");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).waitFor({ state: "detached" });
  await page.goto(url());
  await card(page, other).waitFor();
  await more(board);
  await menuItem(board, "The guide").click();
  await card(page, other).waitFor({ state: "detached" });
  const said = daemon.json<{ id: string }[]>("list", "--label", "docs").map((task) => task.id);
  assert.deepEqual(await page.$$eval("[data-card]", (list) => list.map((each) => each.getAttribute("data-card"))), said);
  await more(board);
  await menuItem(board, "Remove a saved view…").click();
  await dialog(page).getByText("The guide", { exact: true }).click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await dialog(page).waitFor({ state: "detached" });
  await more(board);
  await menuItem(board, "Save this view…").waitFor();
  assert.equal(await menuItem(board, "The guide").count(), 0);
});

suite.claim("a view is saved, applied and removed by keys alone", async (board) => {
  const { page, daemon, url } = board;
  daemon.create("Has no words in common");
  const found = daemon.create("Paint the fence", "--tenant", "acme");
  await page.goto(url("tenant=acme&archived=1"));
  await card(page, found).waitFor();
  const palette = async (words: string): Promise<void> => {
    await openPalette(page);
    await page.keyboard.type(words);
    await page.locator(".palette").getByRole("option", { name: words }).first().waitFor();
    await page.keyboard.press("Enter");
  };
  await palette("Save this view");
  await dialog(page).locator("[name=name]:focus").waitFor();
  await page.keyboard.type("Fences");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor({ state: "detached" });
  await page.goto(url("view=statistics"));
  await isLive(page);
  await palette("View: Fences");
  await card(page, found).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("tenant"), "acme");
  assert.equal(new URL(page.url()).searchParams.get("archived"), "1");
  await palette("Remove a saved view");
  await dialog(page).waitFor();
  await page.keyboard.press("Space");
  await page.keyboard.press("Control+Enter");
  await dialog(page).waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => localStorage.getItem("kanband.views")), "[]");
});

suite.claim("a board that the command line makes is offered on every open page, with its open tasks and without a request", async (board) => {
  const { daemon } = board;
  const name = `${daemon.board}-fresh`;
  const second = await suite.open();
  daemon.cli("boards", "create", name);
  daemon.cli("create", "On the new board", "--board", name);
  for (const { page, watch } of [board, second]) {
    watch.forget();
    await until("the new board is offered", async () => {
      await page.getByRole("button", { name: /^Board:/ }).click();
      const offered = await page.getByRole("menuitemcheckbox", { name }).allInnerTexts();
      await page.keyboard.press("Escape");
      return offered.some((text) => text.includes("1 open"));
    });
    assert.deepEqual(watch.requests, []);
  }
  await openPalette(second.page);
  await second.page.keyboard.type(name);
  await second.page.getByRole("option", { name: `Board: ${name}` }).waitFor();
  await second.page.keyboard.press("Enter");
  await second.page.getByText("On the new board").waitFor();
  second.watch.check();
  await second.page.close();
});
