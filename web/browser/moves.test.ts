// Every drop is a verb of the daemon: by mouse, by the Move menu and by keys; what it refuses comes back with its words.
import assert from "node:assert/strict";
import { card, carry, column, dialog, drop, focusCard, idsOf, inColumn, toast } from "./support/cards";
import type { Board } from "./support/suite";
import { caughtUp, PROFILES, Suite } from "./support/suite";
import { until } from "./support/until";

// Nothing starts but what a test starts; every column is on the screen, so that a card can be dropped on each.
const suite = new Suite(`[dispatch]\nenabled = false\n${PROFILES}`, { viewport: { width: 2400, height: 1000 } });
const ON_BOARD = ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done"];

interface Move {
  operation: string;
  from: string;
  to: string[];
  label: string;
  question: boolean | null;
  asks: { field: string; kind: string; is_required: boolean }[];
}

/** A task in this status, with an open question where the move needs one. */
async function taskIn(board: Board, status: string, hasQuestion: boolean, assignee: string | null = null): Promise<string> {
  const { daemon } = board;
  const title = `From ${status}`;
  if (status === "triage") return daemon.create(title, "--triage");
  if (status === "todo") return daemon.create(title, "--parent", daemon.create("Comes first", "--label", "parent"));
  if (status === "scheduled") return daemon.create(title, "--in", "3h");
  if (status === "blocked" && hasQuestion) {
    const id = daemon.create(title, "--assignee", "asker");
    daemon.cli("dispatch", id);
    await daemon.reaches(id, "blocked");
    return id;
  }
  if (status === "running") {
    const id = daemon.create(title, "--assignee", "held");
    daemon.cli("dispatch", id);
    await daemon.reaches(id, "running");
    return id;
  }
  const id = daemon.create(title, ...(assignee === null ? [] : ["--assignee", assignee]));
  if (status === "blocked") daemon.cli("block", id, "Needs a decision");
  if (status === "done" || status === "review") daemon.cli("complete", id, "--summary", "Done");
  if (status === "review") daemon.cli("request-review", id);
  assert.equal(daemon.status(id), status);
  return id;
}

/** Fills what the move asks, and sends it. */
async function answerDialog(board: Board, move: Move): Promise<void> {
  if (move.asks.length === 0) return;
  const box = dialog(board.page);
  await box.waitFor();
  for (const ask of move.asks.filter((each) => each.is_required)) {
    const field = box.locator(`[name="${ask.field}"]`).first();
    await field.fill(ask.kind === "time" ? "in 2h" : "Because of the test");
  }
  await board.page.keyboard.press("Control+Enter");
  await box.waitFor({ state: "detached" });
}

/** The task is where the daemon put it, on the page and for the command line; not where it came from. */
async function arrived(board: Board, move: Move, id: string): Promise<void> {
  const { page, daemon } = board;
  if (move.from === "running") await until(`${id} leaves running`, () => daemon.status(id) !== "running");
  else await until(`${move.operation} of ${id}`, () => daemon.status(id) !== move.from, () => daemon.cli("show", id));
  await caughtUp(board);
  const status = daemon.status(id);
  // A worker may have taken it since.
  assert.ok([...move.to, "running", "done", ...(move.operation === "schedule" ? ["scheduled"] : [])].includes(status), `${move.operation} ${id}: ${status}`);
  if (ON_BOARD.includes(status)) await inColumn(page, id, daemon.status(id)).waitFor();
  else await card(page, id).waitFor({ state: "detached" });
}

function tidy({ daemon }: Board, id: string): void {
  const status = daemon.status(id);
  if (status !== "archived") daemon.cli(status === "done" ? "archive" : "cancel", id);
}

/** What a drop on each column means, from the daemon's table: the first move that fits. */
async function dropsOf(board: Board): Promise<{ name: string; move: Move; to: string }[]> {
  const { moves } = await board.daemon.get<{ moves: Move[] }>("/v1/moves");
  const drops = new Map<string, { name: string; move: Move; to: string }>();
  for (const move of moves.filter((each) => ON_BOARD.includes(each.from))) {
    for (const to of move.to.filter((status) => ON_BOARD.includes(status))) {
      const name = `${move.from} → ${to}${move.question === true ? ", with a question" : ""}`;
      const isTaken = [...drops.values()].some((each) => each.move.from === move.from && each.to === to && each.move.question === move.question);
      if (!isTaken) drops.set(name, { name, move, to });
    }
  }
  return [...drops.values()];
}

suite.claim("every drop that the daemon's table allows moves the task where the daemon says", async (board) => {
  const { page } = board;
  const drops = await dropsOf(board);
  assert.ok(drops.length >= 20, drops.map((each) => each.name).join("\n"));
  const faults: string[] = [];
  for (const { name, move, to } of drops) {
    const id = await taskIn(board, move.from, move.question === true, move.operation === "dispatch" ? "held" : null);
    try {
      await inColumn(page, id, move.from).waitFor();
      await drop(page, id, to);
      await answerDialog(board, move);
      await arrived(board, move, id);
    } catch (error) {
      faults.push(`${name}: ${error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error)}`);
      await page.keyboard.press("Escape");
    }
    tidy(board, id);
    await card(page, id).waitFor({ state: "detached" });
  }
  assert.deepEqual(faults, []);
});

suite.claim("every move of the menu is offered by its key, and does the same as the drop", async (board) => {
  const { page, daemon } = board;
  const { moves } = await daemon.get<{ moves: Move[] }>("/v1/moves");
  const faults: string[] = [];
  for (const move of moves.filter((each) => each.from !== "archived")) {
    const id = await taskIn(board, move.from, move.question === true, move.operation === "dispatch" ? "held" : null);
    try {
      await inColumn(page, id, move.from).waitFor();
      await focusCard(page, id);
      await page.keyboard.press("m");
      const menu = page.getByRole("menu");
      await menu.waitFor();
      const offered = (await menu.getByRole("menuitem").locator(".clip").allInnerTexts()).sort();
      const hasQuestion = move.question === true;
      const expected = moves.filter((each) => each.from === move.from && (each.question === null || each.question === hasQuestion)).map((each) => each.label);
      assert.deepEqual(offered, expected.sort());
      await menu.getByRole("menuitem").filter({ has: page.locator(".clip", { hasText: new RegExp(`^${move.label}$`) }) }).first().press("Enter");
      await answerDialog(board, move);
      await arrived(board, move, id);
    } catch (error) {
      faults.push(`${move.operation} ${move.from}: ${error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error)}`);
      await page.keyboard.press("Escape");
    }
    tidy(board, id);
    await card(page, id).waitFor({ state: "detached" });
  }
  assert.deepEqual(faults, []);
});

suite.claim("a column that takes no drop dims, says why, and nothing is sent", async ({ page, daemon, watch }) => {
  const id = daemon.create("Not by hand", "--triage");
  await card(page, id).waitFor();
  watch.forget();
  await carry(page, id, "running");
  assert.equal(await column(page, "running").getAttribute("data-drop"), "shut");
  assert.equal(await column(page, "ready").getAttribute("data-drop"), "open");
  await column(page, "running").locator(".column-refusal").waitFor();
  await page.mouse.up();
  await toast(page, "Nothing moves a task from Triage to Running").waitFor();
  await inColumn(page, id, "triage").waitFor();
  assert.equal(daemon.status(id), "triage");
  assert.deepEqual(watch.requests, []);
});

suite.claim("a drop that the daemon refuses brings the card back with the daemon's words", async ({ page, daemon }) => {
  const id = daemon.create("Nobody would do it");
  await inColumn(page, id, "ready").waitFor();
  await drop(page, id, "running");
  await page.locator(".toast.refusal").waitFor();
  assert.match(await page.locator(".toast.refusal").innerText(), /assignee/);
  await inColumn(page, id, "ready").waitFor();
  assert.equal(daemon.status(id), "ready");
});

suite.claim("a move that came too late is refused in its dialog, which keeps its text", async ({ page, daemon, watch }) => {
  const id = daemon.create("Moved under one's hands");
  await inColumn(page, id, "ready").waitFor();
  await drop(page, id, "blocked");
  await dialog(page).locator("[name=reason]").fill("Wait for the key");
  daemon.cli("complete", id, "--summary", "Done meanwhile");
  await inColumn(page, id, "done").waitFor({ state: "attached" });
  watch.expect(`/v1/tasks/${id}`, 409);
  await page.keyboard.press("Control+Enter");
  const problem = dialog(page).getByRole("alert");
  await problem.waitFor();
  assert.match(await problem.innerText(), /done/);
  assert.equal(await dialog(page).locator("[name=reason]").inputValue(), "Wait for the key");
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  assert.equal(daemon.status(id), "done");
});

suite.claim("Shift and arrows move a card to the next column that takes it; the focus goes with it", async ({ page, daemon }) => {
  const id = daemon.create("By Shift and arrows", "--triage");
  await inColumn(page, id, "triage").waitFor();
  await focusCard(page, id);
  await page.keyboard.press("Shift+ArrowRight");
  await inColumn(page, id, "ready").waitFor();
  await daemon.reaches(id, "ready");
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  await page.keyboard.press("Shift+ArrowLeft");
  await dialog(page).waitFor();
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  await page.waitForFunction((wanted) => document.activeElement?.getAttribute("data-card") === wanted, id);
  assert.equal(daemon.status(id), "ready");
});

suite.claim("a card that is dragged does not open, and one that is let go at home stays", async ({ page, daemon }) => {
  const id = daemon.create("Stays at home", "--triage");
  await card(page, id).waitFor();
  const url = page.url();
  await drop(page, id, "triage");
  await drop(page, id, "ready");
  await inColumn(page, id, "ready").waitFor();
  await daemon.reaches(id, "ready");
  assert.equal(page.url(), url);
});

suite.claim("a selection is made with x and Shift, and its bar does one thing to all", async ({ page, daemon }) => {
  const ids = ["One of many", "Two of many", "Three of many"].map((title) => daemon.create(title, "--triage", "--label", "many"));
  for (const id of ids) await card(page, id).waitFor();
  const [first] = await idsOf(page, "triage");
  await focusCard(page, first as string);
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  const bar = page.locator(".bulk");
  assert.match(await bar.innerText(), /3 selected/);
  const chosen = await page.$$eval('[data-chosen="true"]', (list) => list.map((each) => each.getAttribute("data-card") ?? ""));
  assert.equal(chosen.length, 3);
  await bar.getByRole("button", { name: "Labels…" }).click();
  await dialog(page).locator("[name=add]").fill("together");
  await page.keyboard.press("Control+Enter");
  await until("all have the label", () => chosen.every((id) => daemon.show(id).task.labels.includes("together")));
  await bar.getByRole("button", { name: "Move…" }).click();
  await page.getByRole("menuitem", { name: /^Promote/ }).click();
  for (const id of chosen) await daemon.reaches(id, "ready");
  for (const id of chosen) await inColumn(page, id, "ready").waitFor();
});

suite.claim("what is refused in a bulk is told one by one, and stays selected", async ({ page, daemon, watch }) => {
  const ids = ["Good", "Too late", "Good, too"].map((title) => daemon.create(title, "--triage"));
  for (const id of ids) await card(page, id).waitFor();
  for (const id of ids) await card(page, id).click({ modifiers: ["Control"], position: { x: 200, y: 90 } });
  assert.match(await page.locator(".bulk").innerText(), /3 selected/);
  // The page's request is held until the command line has been faster.
  const late = ids[1] as string;
  await page.route("**/v1/tasks/bulk", async (route) => {
    daemon.cli("promote", late);
    daemon.cli("complete", late, "--summary", "Faster");
    await route.continue();
  });
  watch.expect("/v1/tasks/bulk", 409);
  await page.locator(".bulk").getByRole("button", { name: "Move…" }).click();
  await page.getByRole("menuitem", { name: /^Promote/ }).click();
  await toast(page, "2 of 3").waitFor();
  assert.match(await toast(page, "2 of 3").innerText(), /1 refused/);
  await toast(page, "2 of 3").locator("summary").click();
  assert.ok((await toast(page, "2 of 3").innerText()).includes(late));
  assert.deepEqual(ids.map((id) => daemon.status(id)), ["ready", "done", "ready"]);
});

suite.claim("a quick task is made at the head of its column, one after the other", async ({ page, daemon }) => {
  await card(page, daemon.create("Not the first")).waitFor();
  await page.getByRole("button", { name: "New task in Ready" }).click();
  await column(page, "ready").locator("input:focus").waitFor();
  for (const title of ["Quick and first", "Quick and second"]) {
    await page.keyboard.type(title);
    await page.keyboard.press("Enter");
    await column(page, "ready").getByText(title).waitFor();
  }
  await page.keyboard.press("Escape");
  const titles = daemon.json<{ title: string }[]>("list", "--status", "ready").map((task) => task.title);
  assert.ok(titles.includes("Quick and first") && titles.includes("Quick and second"));
  await page.getByRole("button", { name: "New task in Triage" }).click();
  await column(page, "triage").locator("input:focus").waitFor();
  await page.keyboard.type("A quick idea");
  await page.keyboard.press("Enter");
  await column(page, "triage").getByText("A quick idea").waitFor();
});

suite.claim("the composer makes a task with everything that it asks", async ({ page, daemon }) => {
  const parent = daemon.create("The parent of the composed one");
  await card(page, parent).waitFor();
  await page.locator("body").press("c");
  const box = page.locator("dialog.composer");
  await box.locator("[name=title]").fill("Composed with care");
  await box.locator("textarea").first().fill("# What\n\nThe **body**.");
  await box.locator("[name=assignee]").fill("quick");
  await page.keyboard.press("Tab");
  await box.locator("[name=priority]").fill("4");
  await box.locator("[name=labels]").fill("alpha,beta,");
  await box.locator("[name=parents]").fill("parent of the composed");
  await box.locator(".found li").first().click();
  await box.locator("[name=due_at]").fill("2031-01-31 14:00");
  await box.locator("[name=title]").press("Control+Enter");
  await box.waitFor({ state: "detached" });
  const id = daemon.json<{ id: string; title: string }[]>("list", "--label", "alpha").find((task) => task.title === "Composed with care")?.id ?? "";
  const { task, parents } = daemon.show(id);
  assert.deepEqual([task.status, task.assignee, task.priority, [...task.labels].sort(), parents], ["todo", "quick", 4, ["alpha", "beta"], [parent]]);
  assert.equal(task.body, "# What\n\nThe **body**.");
  assert.equal(new Date((task.due_at ?? 0) * 1000).toISOString(), "2031-01-31T14:00:00.000Z");
  await inColumn(page, id, "todo").waitFor();
});
