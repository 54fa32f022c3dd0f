// A daemon on a home of its own, and the command line as the oracle of what is on its board.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { until } from "./until";

/** Where the three programs are: `make test-web` says it. */
const PROGRAMS = process.env["KANBAND_PROGRAMS"] ?? "";

/** One task as `kanban show --json` prints it; only what the tests read. */
export interface Shown {
  task: { id: string; title: string; body: string | null; status: string; priority: number; assignee: string | null; labels: string[]; tenant: string | null; version: number; due_at: number | null; start_at: number | null; [field: string]: unknown };
  parents: string[];
  children: string[];
  comments: { author: string; body: string }[];
  attachments: { id: number; name: string }[];
  runs: { id: number; status: string; outcome: string | null; [field: string]: unknown }[];
  events: { kind: string; [field: string]: unknown }[];
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** A name for /proc that may be another process's by now: only a shim of ours is ended. */
function endShim(pid: number): void {
  try {
    if (readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("kanban-shim")) process.kill(pid, "SIGQUIT");
  } catch {
    // It is gone.
  }
}

export class Daemon {
  readonly place: string;
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Board of the command line. */
  board = "default";
  port = 0;
  private child: ChildProcess | null = null;

  private constructor() {
    if (PROGRAMS === "") throw new Error("KANBAND_PROGRAMS names no folder: run make test-web");
    // Short: the path of a socket has 108 bytes.
    this.place = mkdtempSync("/tmp/kbw.");
    this.home = join(this.place, "h");
    mkdirSync(this.home);
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("KANBAN"));
    this.environment = { ...Object.fromEntries(inherited), KANBAN_HOME: this.home, HOME: this.place, PATH: `${PROGRAMS}:${process.env["PATH"] ?? ""}` };
  }

  /** Starts a daemon with these lines of configuration beside the address of its board. */
  static async start(config: string, programs: Record<string, string> = {}): Promise<Daemon> {
    const daemon = new Daemon();
    daemon.install(programs);
    daemon.port = await freePort();
    writeFileSync(join(daemon.home, "kanband.toml"), `[web]\nlisten = ${daemon.port}\n${config}`, { mode: 0o600 });
    await daemon.run();
    return daemon;
  }

  /** Scripts that the workers find on their path. */
  private install(programs: Record<string, string>): void {
    const folder = join(this.place, "programs");
    mkdirSync(folder);
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
    this.environment["PATH"] = `${folder}:${this.environment["PATH"] ?? ""}`;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get log(): string {
    return readFileSync(join(this.place, "daemon.log"), "utf8");
  }

  /** Starts the process, on the home as it is. */
  async run(): Promise<void> {
    const log = openSync(join(this.place, "daemon.log"), "a");
    const child = spawn(join(PROGRAMS, "kanband"), [], { env: this.environment, cwd: this.place, stdio: ["ignore", log, log] });
    closeSync(log);
    this.child = child;
    await until("the daemon answers", async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended:\n${this.log}`);
      return this.get("/v1/daemon").then(() => true, () => false);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  /** Ends the process as a power cut would. */
  async kill(): Promise<void> {
    const child = this.child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    this.child = null;
  }

  /** Ends the daemon and every worker of it, and removes the home. */
  async end(): Promise<void> {
    this.signal("SIGCONT");
    const runs = join(this.home, "runs");
    await this.kill();
    for (const run of existsSync(runs) ? readdirSync(runs) : []) {
      const found = existsSync(join(runs, run, "identity")) ? /"shim":\{[^}]*"pid":(\d+)/.exec(readFileSync(join(runs, run, "identity"), "utf8")) : null;
      if (found !== null) endShim(Number(found[1]));
    }
    rmSync(this.place, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Runs `kanban`; what it prints. A refusal throws with its words. */
  cli(...args: string[]): string {
    return this.cliWith("", ...args);
  }

  cliWith(input: string, ...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(join(PROGRAMS, "kanban"), args, { env: { ...this.environment, KANBAN_BOARD: this.board }, cwd: this.place, input, encoding: "utf8", maxBuffer: 64 << 20 });
    if (status !== 0) throw new Error(`kanban ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  json<T>(...args: string[]): T {
    return JSON.parse(this.cli(...args, "--json")) as T;
  }

  /** Makes a task; its id. */
  create(title: string, ...args: string[]): string {
    return this.json<{ id: string }>("create", title, ...args).id;
  }

  show(id: string): Shown {
    return this.json<Shown>("show", id);
  }

  status(id: string): string {
    return this.show(id).task.status;
  }

  /** Waits until a task is in one of these. */
  async reaches(id: string, ...statuses: string[]): Promise<void> {
    await until(`${id} is ${statuses.join(" or ")}`, () => statuses.includes(this.status(id)), () => this.cli("show", id));
  }

  /** Writes a file of the home. */
  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.home, name)), { recursive: true });
    writeFileSync(join(this.home, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.home, name));
  }

  /** Lets a worker go on that waits for this file. */
  goOn(): void {
    writeFileSync(join(this.place, "go-on"), "");
  }

  /** A link that logs in once. */
  link(): string {
    const link = /http:\S+\/in#\S+/.exec(this.cli("dashboard", "--print"))?.[0];
    if (link === undefined) throw new Error("kanban dashboard printed no link");
    return link;
  }

  /** A read of the API on the operators' socket. */
  get<T>(path: string): Promise<T> {
    return this.call("GET", path);
  }

  call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: join(this.home, "kanband.sock"), path, method, headers: { host: "kanband", "content-type": "application/json" } }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          else resolve((text === "" ? null : JSON.parse(text)) as T);
        });
      });
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
