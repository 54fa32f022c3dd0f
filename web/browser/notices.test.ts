// Notices of the browser: only for who wants them, one for each thing that needs a person, closed when it is gone.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { PROFILES, Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const MAKER = `
[profiles.maker]
argv = ["sh", "-c", "kanban create 'Made by an agent' --triage; kanban complete $KANBAN_TASK --summary 'Made one'"]
verdict = "report"
`;
const suite = new Suite(`${PROFILES}${MAKER}`);

interface Notice { title: string; body: string; isClosed: boolean }

/** Lets the page notify, and writes down what it shows. */
async function allow({ page, daemon, url }: Board): Promise<void> {
  await page.context().grantPermissions(["notifications"], { origin: daemon.origin });
  await page.addInitScript(() => {
    const shown: Notice[] = [];
    const Real = Notification;
    class Recorded extends Real {
      private readonly note: Notice;
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        this.note = { title, body: options?.body ?? "", isClosed: false };
        shown.push(this.note);
      }
      override close(): void {
        this.note.isClosed = true;
        super.close();
      }
    }
    Object.assign(globalThis, { Notification: Recorded, shown });
  });
  // The claims share a browser, which remembers.
  await page.evaluate(() => localStorage.removeItem("kanband.notify"));
  await page.goto(url("view=inbox"));
  await page.getByLabel("Notify me").waitFor();
}

const shown = (page: Page): Promise<Notice[]> => page.evaluate(() => [...(globalThis as unknown as { shown: Notice[] }).shown]);

/** The person looks elsewhere: who looks at the page sees it there. */
const lookAway = (page: Page): Promise<void> => page.evaluate(() => void (document.hasFocus = () => false));

async function asks({ daemon }: Board, title: string): Promise<string> {
  const id = daemon.create(title, "--assignee", "asker");
  await daemon.reaches(id, "blocked");
  return id;
}

suite.claim("who asks for notices gets one for what needs a person and none for the rest; it closes when it is answered", async (board) => {
  const { page, daemon } = board;
  await allow(board);
  await page.getByLabel("Notify me").click();
  await page.waitForFunction(() => Notification.permission === "granted");
  await lookAway(page);
  const rest = daemon.create("Needs nobody", "--assignee", "quick");
  await daemon.reaches(rest, "done");
  const id = await asks(board, "Needs a word");
  await until("a notice is shown", async () => (await shown(page)).length > 0);
  const [notice, ...others] = await shown(page);
  assert.deepEqual([notice?.title, others], ["Needs a word", []]);
  assert.match(notice?.body ?? "", /In which language\?/);
  daemon.cli("answer", id, "English");
  await daemon.reaches(id, "done");
  await until("it is closed", async () => (await shown(page))[0]?.isClosed === true);
});

suite.claim("by keys notices are asked for and given up; nobody who has not asked gets one, and the choice is remembered", async (board) => {
  const { page } = board;
  await allow(board);
  await lookAway(page);
  const first = await asks(board, "Before the choice");
  await page.locator(`.item[data-task="${first}"]`).waitFor();
  assert.deepEqual(await shown(page), []);
  await page.getByLabel("Notify me").focus();
  await page.keyboard.press("Space");
  // The browser is asked first, and only then is the choice made.
  await page.waitForFunction(() => localStorage.getItem("kanband.notify") === "true");
  await page.reload();
  await page.getByLabel("Notify me").waitFor();
  assert.ok(await page.getByLabel("Notify me").isChecked());
  // What waits already is on the page, not news.
  await page.locator(`.item[data-task="${first}"]`).waitFor();
  await lookAway(page);
  await asks(board, "After the choice");
  await until("a notice is shown", async () => (await shown(page)).length > 0);
  assert.deepEqual((await shown(page)).map((one) => one.title), ["After the choice"]);
  await page.getByLabel("Notify me").focus();
  await page.keyboard.press("Space");
  await until("it is closed", async () => (await shown(page))[0]?.isClosed === true);
  const last = await asks(board, "After it was given up");
  await page.locator(`.item[data-task="${last}"]`).waitFor();
  assert.equal((await shown(page)).length, 1);
});

suite.claim("only mine shows what the person has, has created or reviews, as kanban inbox --mine does, by mouse and by f", async (board) => {
  const { page, daemon } = board;
  const maker = daemon.create("Make a task", "--assignee", "maker");
  await daemon.reaches(maker, "done");
  const made = daemon.json<{ id: string; title: string }[]>("list").find((task) => task.title === "Made by an agent")?.id ?? "";
  daemon.cli("promote", made);
  daemon.cli("block", made, "Who wants this?");
  const mine = daemon.create("Mine");
  daemon.cli("block", mine, "Which one?");
  const here = (id: string) => page.locator(`.item[data-task="${id}"]`);
  await here(made).waitFor();
  await here(mine).waitFor();
  const said = (...args: string[]) => daemon.json<{ tasks: { id: string }[] }[]>("inbox", ...args).flatMap((row) => row.tasks.map((task) => task.id));
  const drawn = () => page.$$eval(".item[data-task]", (list) => list.map((each) => each.getAttribute("data-task")));
  await page.getByLabel("Only mine").click();
  await here(made).waitFor({ state: "detached" });
  assert.ok(said().includes(made) && !said("--mine").includes(made) && said("--mine").includes(mine));
  assert.ok((await drawn()).includes(mine));
  await page.reload();
  await here(mine).waitFor();
  assert.equal(await here(made).count(), 0, "the choice is remembered");
  await here(mine).focus();
  await page.keyboard.press("f");
  await here(made).waitFor();
}, "view=inbox");
