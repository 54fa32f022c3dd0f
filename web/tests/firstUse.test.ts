import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, offered, quickStart } from "../src/board/firstUse";
import type { FoundAgent } from "../src/wire";

const agent = (launcher: string, more: Partial<FoundAgent>): FoundAgent => ({ launcher, profile: launcher, program: null, argv: [launcher], user: null, mcp_entry_files: [], is_configured: false, config: "", file: "", ...more });

test("only agents that are there and have no profile are offered, and the others are named", () => {
  const agents = [agent("claude", { program: "/usr/bin/claude" }), agent("codex", { program: "/usr/bin/codex", is_configured: true }), agent("gemini", {}), agent("opencode", { is_configured: true })];
  const found = { agents, profiles: [], people: [], why_not: null };
  assert.deepEqual(offered(found).map((each) => each.launcher), ["claude"]);
  assert.match(missing(found), /not found: gemini\./);
  assert.equal(missing({ ...found, agents: [] }), "");
});

test("the first command names the board and somebody who can do it", () => {
  assert.deepEqual(quickStart("shop", "coder")[0], 'kanban create "Say hello in hello.txt" --board shop --assignee coder');
  assert.deepEqual(quickStart("default", null)[0], 'kanban create "Say hello in hello.txt"');
});
