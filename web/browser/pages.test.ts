// The other pages say what the command line says; palette and sheet of keys lead to everything.
import assert from "node:assert/strict";
import { card, column, dialog, focusCard, focusedCard, inColumn } from "./support/cards";
import { isLive, PROFILES, Suite } from "./support/suite";
import { until } from "./support/until";
import { KEYS, printKey } from "./support/keytable";

const suite = new Suite(PROFILES);

suite.claim("the palette finds a task by its words and opens it, and goes to every page", async ({ page, daemon }) => {
  const id = daemon.create("Mend the turbine");
  await card(page, id).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("turbine");
  await page.getByRole("option", { name: /Mend the turbine/ }).first().waitFor();
  await page.getByRole("option").filter({ hasText: id }).last().click();
  await page.getByRole("complementary", { name: `Task ${id}` }).waitFor();
  await page.keyboard.press("Escape");
  for (const [typed, view] of [["statistics", "statistics"], ["schedules", "schedules"], ["profiles", "profiles"], ["needs you", "inbox"], ["go to: board", ""]] as const) {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(typed);
    await page.keyboard.press("Enter");
    await page.waitForFunction((wanted) => (new URLSearchParams(location.search).get("view") ?? "") === wanted, view);
  }
});

suite.claim("the sheet of keys is the table that handles them, and single letters can be switched off", async ({ page, daemon }) => {
  const id = daemon.create("Stays closed", "--triage");
  await card(page, id).waitFor();
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keys" });
  await sheet.waitFor();
  const text = await sheet.innerText();
  for (const row of KEYS) assert.ok(text.includes(row.label.replace("…", "")), `${row.label} is not on the sheet`);
  const signs = await sheet.locator("kbd").allInnerTexts();
  for (const row of KEYS) for (const key of row.keys) assert.ok(signs.includes(printKey(key)), `${printKey(key)} is not on the sheet`);
  await sheet.getByRole("checkbox").uncheck();
  await page.keyboard.press("Escape");
  await focusCard(page, id);
  await page.keyboard.press("x");
  assert.equal(await page.locator(".bulk").count(), 0);
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: `Task ${id}` }).waitFor();
  await page.evaluate(() => localStorage.removeItem("kanband.letters"));
});

suite.claim("the profiles page names what each would run, as kanban profiles does", async ({ page, daemon }) => {
  const profiles = daemon.json<{ name: string; argv: string[] }[]>("profiles");
  for (const profile of profiles) {
    const line = page.locator(".line").filter({ has: page.getByRole("heading", { name: profile.name, exact: true }) });
    await line.waitFor();
    assert.ok((await line.locator(".line-command").innerText()).startsWith(profile.argv[0] as string));
  }
}, "view=profiles");

suite.claim("a schedule is added, refused with its reason, paused, and removed", async ({ page, daemon, watch }) => {
  watch.expect("/v1/schedules", 400);
  watch.expect("/v1/schedules", 422);
  await page.getByRole("button", { name: "+ New schedule" }).click();
  const box = dialog(page);
  await box.getByLabel("Name").fill("nightly");
  await box.getByLabel("When").fill("61 * * * *");
  await box.getByLabel("Title of each task").fill("Back up {n}");
  await box.getByRole("button", { name: "Add" }).click();
  await box.locator(".problem").waitFor();
  await box.getByLabel("When").fill("0 3 * * *");
  await box.getByRole("button", { name: "Add" }).click();
  await page.getByRole("heading", { name: "nightly" }).waitFor();
  const said = () => daemon.json<{ name: string; cron: string; state: string }[]>("schedules", "list");
  assert.deepEqual(said().map((each) => [each.name, each.cron, each.state]), [["nightly", "0 3 * * *", "active"]]);
  await page.getByRole("button", { name: "Pause" }).click();
  await dialog(page).getByRole("button", { name: "Pause" }).click();
  await until("it is paused", () => said()[0]?.state === "paused");
  await page.getByRole("button", { name: "Remove" }).click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await until("it is gone", () => said().length === 0);
}, "view=schedules");

suite.claim("statistics count the runs that have ended", async ({ page, daemon }) => {
  const ids = ["Run 1", "Run 2"].map((title) => daemon.create(title, "--assignee", "quick"));
  for (const id of ids) await daemon.reaches(id, "done");
  await page.reload();
  await page.locator(".plot").first().waitFor();
  await page.getByText(/^2 runs done, 0 failed/).waitFor();
}, "view=statistics");

suite.claim("the graph shows what a task waits for and what waits for it", async ({ page, daemon, url }) => {
  const first = daemon.create("First of three");
  const second = daemon.create("Second of three", "--parent", first);
  const third = daemon.create("Third of three", "--parent", second);
  await page.goto(url(`view=graph&task=${second}`));
  for (const id of [first, second, third]) await page.locator(`[data-node="${id}"]`).waitFor();
  await page.getByText("3 tasks, 2 dependencies").waitFor();
  daemon.cli("complete", first, "--summary", "So");
  await page.locator(`[data-node="${first}"][data-status="done"]`).waitFor();
  await page.locator(`[data-node="${second}"]`).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-node")), third);
});

suite.claim("a story by keys alone: create, find, assign, block, answer, complete, archive", async ({ page, daemon }) => {
  await page.keyboard.press("c");
  await dialog(page).locator("[name=title]:focus").waitFor();
  await page.keyboard.type("By keys alone");
  await page.keyboard.press("Control+Enter");
  await column(page, "ready").getByText("By keys alone").waitFor();
  const id = daemon.json<{ id: string }[]>("list")[0]?.id ?? "";
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  await page.keyboard.press("p");
  await dialog(page).waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("5");
  await page.keyboard.press("Enter");
  await until("it has its priority", () => daemon.show(id).task.priority === 5);
  await dialog(page).waitFor({ state: "detached" });
  await page.keyboard.press("t");
  await dialog(page).waitFor();
  await page.keyboard.type("keys");
  await page.keyboard.press("Enter");
  await until("it has its label", () => daemon.show(id).task.labels.includes("keys"));
  await dialog(page).waitFor({ state: "detached" });
  await page.keyboard.press("m");
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("b");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("Is it so?");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(id, "blocked");
  await inColumn(page, id, "blocked").waitFor();
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  await page.keyboard.press("u");
  await daemon.reaches(id, "ready");
  await inColumn(page, id, "ready").waitFor();
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  await page.keyboard.press("m");
  await page.keyboard.press("c");
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("So it is");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(id, "done");
  await inColumn(page, id, "done").waitFor();
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  assert.equal(await focusedCard(page), id);
  await page.keyboard.press("#");
  await daemon.reaches(id, "archived");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await page.waitForURL(/view=inbox/);
  await page.getByText("Nothing needs you.").or(page.locator(".item")).first().waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("b");
  await isLive(page);
});
