// Breakers that hold a profile back: shown with what failed, and reset where they are seen.
import assert from "node:assert/strict";
import { Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const suite = new Suite(`
[dispatch]
enabled = false
[profiles.ghost]
argv = ["/nonexistent/program"]
`);

const open = ({ daemon }: Board): string[] => daemon.json<{ key: string; state: string }[]>("breakers").filter((one) => one.state !== "closed").map((one) => one.key);

/** Five starts that fail. */
function tripped(board: Board): void {
  for (let at = 0; at < 5; at += 1) board.daemon.create(`Cannot start ${at}`, "--assignee", "ghost");
  board.daemon.cli("dispatch");
  assert.deepEqual(open(board), ["profile:ghost"]);
}

suite.claim("the profiles page names what failed, and resets the breaker with the mouse", async (board) => {
  const { page } = board;
  tripped(board);
  const line = page.locator(".line").filter({ has: page.getByRole("heading", { name: "ghost", exact: true }) });
  await line.getByText("Breaker profile:ghost is open").waitFor();
  assert.match(await line.innerText(), /\/nonexistent\/program/);
  await line.getByRole("button", { name: "Reset" }).click();
  await until("the breaker is closed", () => open(board).length === 0);
  await line.getByText("Breaker profile:ghost is open").waitFor({ state: "detached" });
}, "view=profiles");

suite.claim("the profiles page resets a breaker by keys", async (board) => {
  const { page } = board;
  tripped(board);
  const line = page.locator(".line").filter({ has: page.getByRole("heading", { name: "ghost", exact: true }) });
  await line.getByRole("button", { name: "Reset" }).focus();
  await page.keyboard.press("Enter");
  await until("the breaker is closed", () => open(board).length === 0);
}, "view=profiles");

suite.claim("the inbox resets a breaker by its button and by r, and the row goes", async (board) => {
  const { page } = board;
  const row = page.locator('.item[data-kind="breaker"]');
  tripped(board);
  await row.getByRole("button", { name: "Reset the breaker" }).click();
  await until("the breaker is closed", () => open(board).length === 0);
  await row.waitFor({ state: "detached" });
  // At once: within the second in which the page hears of the board as a whole but once.
  tripped(board);
  await row.focus();
  await page.keyboard.press("r");
  await until("the breaker is closed again", () => open(board).length === 0);
  await row.waitFor({ state: "detached" });
}, "view=inbox");
