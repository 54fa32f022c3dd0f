// A repository of its own for the worktrees of a test.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "./daemon";

function git(folder: string, ...args: string[]): void {
  const { status, stderr } = spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
}

/** Makes one with a committed file; its path. */
export function repository(daemon: Daemon): string {
  const path = join(daemon.place, `repository-${daemon.board}`);
  mkdirSync(path);
  git(path, "init", "--quiet", "--initial-branch=main");
  writeFileSync(join(path, "file"), "one\ntwo\n");
  git(path, "add", ".");
  git(path, "commit", "--quiet", "--message=first");
  return path;
}

/** Makes a task that is worked on in a worktree; its id. */
export async function inWorktree(daemon: Daemon, title: string, assignee: string): Promise<string> {
  const body = { board: daemon.board, title, assignee, workspace_kind: "worktree", workspace_path: repository(daemon) };
  return (await daemon.call<{ id: string }>("POST", "/v1/tasks", body)).id;
}
