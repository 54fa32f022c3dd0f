// The first minute of somebody who has an agent and a browser: one click makes its profile, and the first task starts.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { column, dialog, toast } from "./support/cards";
import { PROFILES, Suite, type Board } from "./support/suite";
import { until } from "./support/until";

const AGENT = "#!/bin/sh\necho at work\nexec sleep 600\n";
const suite = new Suite(PROFILES, { permissions: ["clipboard-read", "clipboard-write"] }, { claude: AGENT, codex: AGENT });

const agent = ({ page }: Board, launcher: string) => page.locator(`[data-agent=${launcher}]`);

suite.claim("a found agent is shown with what it would run and its lines to copy; a click makes its profile, and its first task starts", async (board) => {
  const { page, daemon, watch } = board;
  const found = agent(board, "claude");
  await found.waitFor();
  assert.match(await found.innerText(), /claude -p/);
  await found.getByRole("button", { name: "Copy the lines for claude" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '[profiles.claude]\nlauncher = "claude"\n');
  assert.match(await page.locator(".first-use").innerText(), /not found: .*gemini/);
  watch.forget();
  await found.getByRole("button", { name: "Add the profile claude" }).click();
  await toast(page, "Added the profile claude").waitFor();
  const file = join(daemon.home, "conf.d/profile-claude.toml");
  assert.match(readFileSync(file, "utf8"), /\[profiles\.claude\]\nlauncher = "claude"\n$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(watch.requests.includes("POST /v1/profiles"), watch.requests.join("\n"));
  assert.ok(daemon.json<{ name: string; launcher: string }[]>("profiles").some((each) => each.name === "claude" && each.launcher === "claude"));
  // It is among those who can work now, and its task starts.
  await page.getByRole("button", { name: "New task for claude" }).click();
  await dialog(page).getByRole("textbox").first().fill("Say hello");
  await page.keyboard.press("Control+Enter");
  await column(page, "running").getByText("Say hello").waitFor();
  const [task] = daemon.json<{ id: string; assignee: string }[]>("list", "--status", "running");
  assert.equal(task?.assignee, "claude");
  await until("the agent has printed something", () => daemon.cli("log", task?.id ?? "").includes("at work"));
  daemon.cli("stop", task?.id ?? "", "--hold", "--reason", "seen");
});

suite.claim("the same with the keyboard, and what is refused is said", async (board) => {
  const { page, daemon, watch } = board;
  await agent(board, "codex").waitFor();
  assert.equal(await agent(board, "claude").count(), 0, "it has a profile");
  // Somebody else was faster.
  daemon.write("conf.d/profile-codex.toml", "");
  watch.expect("/v1/profiles", 409);
  await agent(board, "codex").getByRole("button", { name: "Add the profile codex" }).focus();
  await page.keyboard.press("Enter");
  await toast(page, "profile-codex.toml already exists").waitFor();
  daemon.remove("conf.d/profile-codex.toml");
  await agent(board, "codex").getByRole("button", { name: "Add the profile codex" }).focus();
  await page.keyboard.press("Enter");
  await toast(page, "Added the profile codex").waitFor();
  assert.ok(daemon.json<{ name: string }[]>("profiles").some((each) => each.name === "codex"));
});
