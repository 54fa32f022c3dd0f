// A page of the documents as its reader meets it: its commands run in one shell, and its pictures stand where they are taken.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { userInfo } from "node:os";
import { join } from "node:path";

const PROGRAMS = process.env["KANBAND_PROGRAMS"] ?? "";

export interface Commands { kind: "commands"; text: string }
export interface Picture { kind: "picture"; name: string }

/** What of a page is run and shown, in its order. */
export function partsOf(page: string): (Commands | Picture)[] {
  const parts: (Commands | Picture)[] = [];
  for (const found of page.matchAll(/^```sh\n(.*?)^```$|^!\[[^\]]+\]\(pictures\/([a-z-]+)\.png\)$/gms)) {
    const [, text, name] = found;
    if (text !== undefined) parts.push({ kind: "commands", text });
    else if (name !== undefined) parts.push({ kind: "picture", name });
  }
  return parts;
}

/** A shell in an empty home, with the programs on its path. */
export class Shell {
  readonly place = mkdtempSync("/tmp/kbw.");
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterableIterator<string>;
  private steps = 0;
  /** The daemon that a block has started in the background. */
  private daemon = 0;

  constructor() {
    if (PROGRAMS === "") throw new Error("KANBAND_PROGRAMS names no folder: run make test-web");
    const environment = { PATH: `${PROGRAMS}:/usr/bin:/bin`, HOME: this.place, TMPDIR: this.place, TZ: "UTC", LANG: "C.UTF-8", KANBAN_HOME: join(this.place, "home") };
    this.child = spawn("bash", ["--noprofile", "--norc"], { env: environment, cwd: this.place, stdio: ["pipe", "pipe", "ignore"] });
    this.lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    this.child.stdin?.write("set -e -o pipefail\n");
  }

  /** What the commands print; a failed one throws. */
  async run(commands: string): Promise<string> {
    this.steps += 1;
    const script = join(this.place, `step-${this.steps}.sh`);
    writeFileSync(script, commands);
    this.child.stdin?.write(`. ${script} </dev/null >${script}.out 2>&1\necho over $!\n`);
    const { value } = await this.lines.next();
    const printed = existsSync(`${script}.out`) ? readFileSync(`${script}.out`, "utf8") : "";
    if (typeof value !== "string" || !value.startsWith("over")) throw new Error(`failed:\n${commands}\n${printed}`);
    this.daemon = Number(value.slice(5)) || 0;
    return printed;
  }

  /** Ends what is left, and removes the home. */
  end(): void {
    // The workers that wait for it end.
    writeFileSync(join(this.place, "go"), "");
    try {
      if (this.daemon > 0 && readFileSync(`/proc/${this.daemon}/comm`, "utf8").trim() === "kanband") process.kill(this.daemon, "SIGTERM");
    } catch {
      // It has ended by the page's own words.
    }
    this.child.kill();
    rmSync(this.place, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Text of the page without what differs from one time and host to another. */
  normal(text: string): string {
    return text
      .replaceAll(this.place, "~")
      .replace(/\bt_[0-9a-f]{8}\b/g, "t_…")
      .replace(new RegExp(`\\b${userInfo().username}\\b`, "g"), "you")
      .replace(/\b\d{1,2}:\d{2}(:\d{2})?\b/g, "0:00")
      .replace(/\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*( \d{4})?\b/g, "day")
      .replace(/\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? day\b/g, "day")
      .replace(/\d+([.,]\d+)? ?(ms|s|min|m|h|d)\b|\bjust now\b|\bnow\b/g, "0 s")
      .replace(/\d+([.,]\d+)? (bytes|B|kB|KiB|MB|MiB)\b/g, "0 kB")
      .replace(/\b(pid|[Rr]un|#|started the worker:) ?\d+/g, "$1 0")
      // A duration that rounds to nothing is not shown; how often a start is tried depends on the back-off.
      .replace(/ · took 0 s\b/g, "")
      .replace(/\b\d+ (failure|run)s?\b/g, "0 $1s")
      .split("\n")
      .map((line) => line.replace(/\s+/g, " ").trim())
      // Initials, also those of the person who is logged in.
      .filter((line) => line !== "" && !/^[A-Za-z]{1,2}$/.test(line))
      .join("\n");
  }
}
