// What a worker changed, looked at line by line: the comments become one request for changes, which its next run reads.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inWorktree } from "./support/repository";
import { Suite, type Board } from "./support/suite";

const COMMIT = "git add . && git -c user.name=w -c user.email=w@w commit -q -m work";
const CODER = `
[profiles.coder]
argv = ["sh", "-c", "if kanban context $KANBAN_TASK | grep -q 'Changes requested'; then kanban context $KANBAN_TASK > $HOME/again-$KANBAN_TASK; echo better > file; else printf 'one\\\\nthree\\\\nfour\\\\n' > file; fi; ${COMMIT}; kanban complete $KANBAN_TASK --summary 'Changed a file'"]
verdict = "report"
review = "human"
`;
const suite = new Suite(CODER);

async function reviewed({ page, daemon, url }: Board): Promise<string> {
  const id = await inWorktree(daemon, "Change the file", "coder");
  await daemon.reaches(id, "review");
  await page.goto(url(`task=${id}&tab=diff`));
  await page.locator(".diff-files summary").waitFor();
  return id;
}

/** One request was made, with both comments at their lines, and the next run has read it. */
async function isSentBack({ daemon }: Board, id: string): Promise<void> {
  await daemon.reaches(id, "review");
  const requests = daemon.show(id).events.filter((event) => event.kind === "changes_requested");
  assert.equal(requests.length, 1);
  const read = readFileSync(join(daemon.place, `again-${id}`), "utf8");
  for (const part of ["In general", "`file`, line 2:", "three", "Say it in words", "`file`, line 3:", "four", "One too many"]) assert.ok(read.includes(part), `${part} is not in:\n${read}`);
  assert.match(JSON.stringify(daemon.show(id).runs), /Say it in words/);
}

suite.claim("comments on lines are written with the mouse and sent as one request for changes", async (board) => {
  const { page } = board;
  const id = await reviewed(board);
  await page.locator(".diff-files summary").click();
  for (const [line, text] of [["2", "Say it in words"], ["3", "One too many"]] as const) {
    await page.getByRole("button", { name: `Comment on added line ${line}` }).click();
    await page.getByRole("textbox", { name: `Comment on line ${line}` }).fill(text);
    await page.getByRole("button", { name: "Keep the comment" }).click();
  }
  await page.getByPlaceholder("In general…").fill("In general: good");
  await page.locator(".diff-send").getByRole("button", { name: "Request changes" }).click();
  await page.locator(".diff-send").waitFor({ state: "detached" });
  await isSentBack(board, id);
});

suite.claim("comments on lines are written with keys and sent as one request for changes", async (board) => {
  const { page } = board;
  const id = await reviewed(board);
  await page.locator(".diff-files summary").focus();
  await page.keyboard.press("Enter");
  for (const [line, text] of [["2", "Say it in words"], ["3", "One too many"]] as const) {
    await page.getByRole("button", { name: `Comment on added line ${line}` }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: `Comment on line ${line}` }).waitFor();
    await page.keyboard.type(text);
    await page.keyboard.press("Control+Enter");
  }
  await page.getByPlaceholder("In general…").focus();
  await page.keyboard.type("In general: good");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator(".diff-send").waitFor({ state: "detached" });
  await isSentBack(board, id);
});
