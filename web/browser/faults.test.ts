// What breaks: the daemon dies, falls silent, loses a reply, is restored from a backup. The page says so and loses nothing.
import assert from "node:assert/strict";
import { join } from "node:path";
import { card, carry, column, focusCard, idsOf, inColumn, toast } from "./support/cards";
import { caughtUp, isLive, Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const suite = new Suite("[dispatch]\nenabled = false\n");
const state = ({ page }: Board, wanted: string) => page.waitForSelector(`:root[data-state="${wanted}"]`);

/** What every request and socket of a page may say while there is nobody to answer. */
function expectBroken({ watch }: Board): void {
  watch.expect("/", 0);
}

suite.claim("the daemon is killed: the page says that it reconnects, and then shows the same board and what has come since", async (board) => {
  const { page, daemon } = board;
  expectBroken(board);
  const ids = ["One", "Two", "Three"].map((title) => daemon.create(title));
  for (const id of ids) await card(page, id).waitFor();
  const before = await idsOf(page, "ready");
  await daemon.kill();
  await state(board, "reconnecting");
  assert.deepEqual(await idsOf(page, "ready"), before, "the page keeps what it shows");
  assert.ok(await page.getByRole("button", { name: "+ New" }).isDisabled());
  await daemon.run();
  const later = daemon.create("Made after the death");
  await state(board, "live");
  await inColumn(page, later, "ready").waitFor();
  await caughtUp(board);
  assert.deepEqual((await idsOf(page, "ready")).sort(), [...before, later].sort());
});

suite.claim("killed while a card is in the air: the drop is repeated and done once", async (board) => {
  const { page, daemon } = board;
  expectBroken(board);
  const id = daemon.create("In the air", "--triage");
  await card(page, id).waitFor();
  await carry(page, id, "ready");
  await daemon.kill();
  await page.mouse.up();
  await daemon.run();
  await state(board, "live");
  await daemon.reaches(id, "ready");
  await inColumn(page, id, "ready").waitFor();
  assert.equal(daemon.show(id).events.filter((event) => event.kind === "promoted").length, 1);
});

suite.claim("a reply that is lost on its way is asked for again, and what it did is done once", async (board) => {
  const { page, daemon, url } = board;
  expectBroken(board);
  const id = daemon.create("To be talked about");
  await page.goto(url(`task=${id}&tab=timeline`));
  let lost = 0;
  await page.route("**/comment", async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    return route.abort("connectionreset");
  });
  await page.getByRole("textbox", { name: "Comment" }).fill("Only once");
  await page.keyboard.press("Control+Enter");
  await page.locator(".comment-body").getByText("Only once").waitFor();
  assert.equal(lost, 1);
  assert.equal(daemon.show(id).comments.length, 1);
});

suite.claim("a daemon that falls silent is noticed: offline since when, then live again", async (board) => {
  const { page, daemon, url } = board;
  expectBroken(board);
  await page.clock.install();
  await page.goto(url());
  await isLive(page);
  const id = daemon.create("Before the silence");
  await card(page, id).waitFor();
  daemon.signal("SIGSTOP");
  try {
    // The deadline of the page, in its own time.
    await page.clock.fastForward(46_000);
    await page.clock.fastForward(3_000);
    await state(board, "reconnecting");
    await page.clock.fastForward(10_000);
    await state(board, "offline");
    await page.getByText(/offline since \d+:\d\d/).waitFor();
    assert.ok(await card(page, id).isVisible());
    await focusCard(page, id);
    await page.keyboard.press("#");
    await toast(page, /Not connected/).waitFor();
  } finally {
    daemon.signal("SIGCONT");
  }
  const later = daemon.create("After the silence");
  await until("the page is back", async () => {
    await page.clock.fastForward(20_000);
    return (await page.locator(':root[data-state="live"]').count()) === 1;
  });
  await card(page, later).waitFor();
});

suite.claim("a restore under an open page: one snapshot, and a notice of it", async (board) => {
  const { page, daemon } = board;
  expectBroken(board);
  const kept = daemon.create("In the backup");
  const backup = join(daemon.place, "backup.db");
  daemon.cli("backup", backup);
  const lost = daemon.create("Not in the backup");
  daemon.cli("edit", kept, "--title", "Renamed after the backup");
  await card(page, lost).waitFor();
  await card(page, kept).getByText("Renamed after the backup").waitFor();
  daemon.cli("restore", backup, "--yes");
  await card(page, lost).waitFor({ state: "detached" });
  await card(page, kept).getByText("In the backup").waitFor();
  await toast(page, "restored from a backup").waitFor();
  const fresh = daemon.create("After the restore");
  await inColumn(page, fresh, "ready").waitFor();
  assert.equal(await column(page, "ready").locator(".column-head .count").innerText(), "2");
});
