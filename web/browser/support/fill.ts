// Boards of any size.
import { createHash } from "node:crypto";
import type { Daemon } from "./daemon";

/** Words without much in common, so that compression does not flatter the figure. */
function words(at: number, count: number): string {
  const digest = createHash("sha256").update(String(at)).digest("hex");
  return Array.from({ length: count }, (_, word) => digest.slice(word * 5, word * 5 + 3 + (word % 5))).join(" ");
}

/** So many tasks in nine columns, most of them in triage; each card has everything that a card can show. */
export function fill(daemon: Daemon, count: number): void {
  const now = Math.floor(Date.now() / 1000);
  const lines: string[] = [];
  const task = (at: number, more: object): void => {
    lines.push(JSON.stringify({ title: `Task ${at} ${words(at, 10)}`, priority: at % 5, labels: ["one", "two", "three"], tenant: "acme", assignee: "worker", due_at: now + 86_400 + at, ...more }));
  };
  for (let at = 0; at < count; at += 1) {
    if (at % 10 === 0) task(at, { labels: ["will-be-done"] });
    else if (at % 10 === 1) task(at, { labels: ["will-be-blocked"] });
    else if (at % 10 === 2) task(at, { start_at: now + 86_400 + at });
    else if (at % 10 === 3) task(at, {});
    else if (at % 10 === 4) task(at, { labels: ["will-be-reviewed"] });
    else if (at % 10 === 5) task(at, { labels: ["will-be-archived"] });
    else task(at, { triage: true });
  }
  // A batch is one request.
  for (let at = 0; at < lines.length; at += 1000) daemon.cliWith(`${lines.slice(at, at + 1000).join("\n")}\n`, "create", "--from-jsonl", "-");
  daemon.cli("complete", "--where", "status=ready,label=will-be-done", "--result", "Done");
  daemon.cli("block", "--where", "status=ready,label=will-be-blocked", "Waits for a word");
  daemon.cli("complete", "--where", "status=ready,label=will-be-reviewed", "--result", "Look at it");
  daemon.cli("request-review", "--where", "status=done,label=will-be-reviewed");
  daemon.cli("complete", "--where", "status=ready,label=will-be-archived", "--result", "Put away");
  daemon.cli("archive", "--where", "status=done,label=will-be-archived");
}
