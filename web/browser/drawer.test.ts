// An open task: what it is, what happened, what its worker writes, and what can be changed; read back through the command line.
import assert from "node:assert/strict";
import { card, dialog, focusCard } from "./support/cards";
import { isLive, PROFILES, Suite } from "./support/suite";
import { until } from "./support/until";

const LOUD = `
[profiles.loud]
argv = ["sh", "-c", "for i in 1 2 3; do echo line $i; done; while [ ! -e $HOME/go-on ]; do sleep 0.05; done; printf '\\\\033[31mred line\\\\033[0m\\\\n'; kanban complete $KANBAN_TASK --summary 'Wrote **four** lines'"]
verdict = "report"
`;
const suite = new Suite(`${PROFILES}${LOUD}`);

suite.claim("the drawer shows what kanban show says, with its body as text and tags", async ({ page, daemon, url }) => {
  const parent = daemon.create("Comes first");
  const id = daemon.create("Write the guide", "--body", "# Aim\n\nSay **what** it is.", "--parent", parent, "--label", "docs", "--priority", "3", "--tenant", "acme");
  await page.goto(url(`task=${id}`));
  const drawer = page.getByRole("complementary", { name: `Task ${id}` });
  await drawer.getByRole("heading", { name: /Write the guide/ }).waitFor();
  assert.equal(await drawer.locator(".body strong, .drawer-panel strong").first().innerText(), "what");
  const text = await drawer.innerText();
  for (const part of [id, "Comes first", "docs", "P3", "acme", "Todo"]) assert.ok(text.includes(part), `${part} is not in:\n${text}`);
});

suite.claim("title, labels, priority and due time are edited where they stand", async ({ page, daemon, url }) => {
  const id = daemon.create("Old title");
  await page.goto(url(`task=${id}`));
  await page.locator(".drawer-title .editable").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("New title");
  await page.keyboard.press("Enter");
  await until("the title is saved", () => daemon.show(id).task.title === "New title");
  await card(page, id).getByText("New title").waitFor();
  for (const [fact, typed] of [["labels", "red, blue"], ["priority", "2"], ["tenant", "acme"]] as const) {
    await page.locator(`[data-fact="${fact}"] .editable`).click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type(typed);
    await page.keyboard.press("Enter");
    await page.locator(`[data-fact="${fact}"] .editable`).waitFor();
  }
  await page.locator('[data-fact="due"] .editable').click();
  await page.locator('[data-fact="due"] input').fill("2031-12-24T10:00");
  await page.keyboard.press("Enter");
  await until("all is saved", () => {
    const { task } = daemon.show(id);
    return task.priority === 2 && task.tenant === "acme" && task.labels.length === 2 && task.due_at === Date.UTC(2031, 11, 24, 10) / 1000;
  });
});

suite.claim("two edits of one field meet: both texts are shown, and a person chooses", async ({ page, daemon, url, watch }) => {
  const id = daemon.create("As it was");
  await page.goto(url(`task=${id}`));
  await page.locator(".drawer-title .editable").click();
  daemon.cli("edit", id, "--title", "By the command line");
  watch.expect(`/v1/tasks/${id}`, 409);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("By the page");
  await page.keyboard.press("Enter");
  await page.locator(".conflict").getByText("By the command line").waitFor();
  await page.getByRole("button", { name: "Save mine" }).click();
  await until("mine is saved", () => daemon.show(id).task.title === "By the page");
});

suite.claim("a comment is written with Ctrl-Enter, and one of the command line appears in the timeline", async ({ page, daemon, url }) => {
  const id = daemon.create("To be talked about");
  await page.goto(url(`task=${id}&tab=timeline`));
  await page.getByRole("textbox", { name: "Comment" }).fill("Looks **good**");
  await page.keyboard.press("Control+Enter");
  await page.locator(".comment-body strong").getByText("good").waitFor();
  assert.equal(daemon.show(id).comments[0]?.body, "Looks **good**");
  daemon.cli("comment", id, "And from the shell");
  await page.locator(".comment-body").getByText("And from the shell").waitFor();
  await card(page, id).locator('[data-kind="comments"]').getByText("2").waitFor();
});

suite.claim("the log of a worker that runs is followed to its end, its colours kept and its summary rendered", async ({ page, daemon, url }) => {
  const id = daemon.create("Talk to me", "--assignee", "loud");
  await daemon.reaches(id, "running");
  await page.goto(url(`task=${id}&tab=log`));
  const log = page.locator(".drawer-panel");
  await log.getByText("line 3").waitFor();
  assert.equal(await log.getByText("red line").count(), 0);
  daemon.goOn();
  await log.getByText("red line").waitFor();
  assert.equal((await log.innerText()).includes("\u001b"), false);
  await daemon.reaches(id, "done");
  assert.match(daemon.cli("log", id), /line 1\nline 2\nline 3/);
  await page.getByRole("tab", { name: "Timeline" }).click();
  await page.locator(".run strong").getByText("four").waitFor();
});

suite.claim("dependencies are found by their words, added and removed; a circle is refused with the daemon's words", async ({ page, daemon, url, watch }) => {
  const first = daemon.create("Alpha comes first");
  const second = daemon.create("Beta comes second");
  // What was created just now is found once the search has taken it in.
  for (const [word, id] of [["alpha", first], ["beta", second]] as const) await until(`${word} is found`, () => daemon.cli("search", word).includes(id));
  await page.goto(url(`task=${second}`));
  await page.getByRole("button", { name: "Add a task to wait for" }).click();
  await page.keyboard.type("alpha");
  await page.locator(".picker-row").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".link-group .task-chip").getByText("Alpha").waitFor();
  assert.deepEqual(daemon.show(second).parents, [first]);
  watch.expect("/v1/links", 409);
  watch.expect("/v1/links", 400);
  watch.expect("/v1/links", 422);
  await page.goto(url(`task=${first}`));
  await page.getByRole("button", { name: "Add a task to wait for" }).click();
  await page.keyboard.type("beta");
  await page.locator(".picker-row").first().waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".link-group .problem").waitFor();
  assert.match(await page.locator(".link-group .problem").innerText(), /cycle|circle/i);
  await page.getByRole("button", { name: "Remove the dependency on Beta comes second" }).click();
  await until("the dependency is gone", () => daemon.show(second).parents.length === 0);
});

suite.claim("a file is attached, fetched and removed", async ({ page, daemon, url }) => {
  const id = daemon.create("Has files");
  await page.goto(url(`task=${id}`));
  await page.locator("input[type=file]").setInputFiles([{ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("some notes") }]);
  await page.locator(".file").getByText("notes.txt").waitFor();
  await until("it is attached", () => JSON.stringify(daemon.show(id).attachments).includes('"notes.txt"'));
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "notes.txt" }).click()]);
  assert.equal(download.suggestedFilename(), "notes.txt");
  await page.locator(".file").hover();
  await page.getByRole("button", { name: "Remove notes.txt" }).click();
  await dialog(page).getByRole("button", { name: "Remove" }).click();
  await until("it is removed", () => daemon.show(id).attachments.length === 0);
});

suite.claim("[ and ] go to the neighbours of the open task, and Back closes it", async ({ page, daemon, url }) => {
  const ids = ["First", "Second"].map((title) => daemon.create(title, "--triage"));
  for (const id of ids) await card(page, id).waitFor();
  await focusCard(page, ids[1] as string);
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: `Task ${ids[1]}` }).waitFor();
  await page.keyboard.press("]");
  await page.getByRole("complementary", { name: `Task ${ids[0]}` }).waitFor();
  await page.keyboard.press("[");
  await page.getByRole("complementary", { name: `Task ${ids[1]}` }).waitFor();
  await page.goto(url(`task=${ids[0]}`));
  await isLive(page);
  await page.getByRole("button", { name: "Close" }).first().click();
  await page.waitForURL(url());
});

suite.claim("a run is stopped from its task, and held", async ({ page, daemon, url }) => {
  const id = daemon.create("Runs for long", "--assignee", "held");
  await daemon.reaches(id, "running");
  await page.goto(url(`task=${id}`));
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  const box = dialog(page);
  await box.waitFor();
  await box.locator("[name=reason]").fill("Enough");
  await page.keyboard.press("Control+Enter");
  await daemon.reaches(id, "blocked");
  await page.locator(".drawer-status").getByText("Blocked").waitFor();
  assert.match(JSON.stringify(daemon.show(id).events), /Enough/);
});
