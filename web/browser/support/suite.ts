// One daemon and one browser for the tests of a file; each test has a page of its own, in one session.
import { after, before, test } from "node:test";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { Daemon } from "./daemon";
import { Watch } from "./watch";

/** Workers that the tests need, beside which nothing starts by itself. */
export const PROFILES = `
[profiles.quick]
argv = ["sh", "-c", "echo working; kanban complete $KANBAN_TASK --summary 'All is done'"]
verdict = "report"
[profiles.held]
argv = ["sh", "-c", "echo first line; exec sleep 600"]
verdict = "report"
[profiles.asker]
argv = ["sh", "-c", "if kanban context $KANBAN_TASK | grep -q English; then kanban complete $KANBAN_TASK --summary 'As it was said'; else kanban block $KANBAN_TASK --question 'In which language?' --choice English --choice German; fi"]
verdict = "report"
`;

/** What stays as it is in every picture and every test: no motion, one language, one zone. */
export const CONTEXT = { viewport: { width: 1440, height: 900 }, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", colorScheme: "light", acceptDownloads: true } as const;

/** Boards whose columns are open. Each claim has a board of its own, so that none sees what another has left. */
const BOARDS = ["default", "shop", ...Array.from({ length: 40 }, (_, at) => `b${at + 1}`)];
const PATIENCE_MS = 12_000;

export interface Board {
  page: Page;
  watch: Watch;
  daemon: Daemon;
  /** Address of the board that the claim is about, with more of the query. */
  url: (query?: string) => string;
}

export class Suite {
  daemon!: Daemon;
  browser!: Browser;
  context!: BrowserContext;
  private boards = 0;

  constructor(config: string = PROFILES, private readonly options: object = {}, programs: Record<string, string> = {}) {
    before(async () => {
      this.daemon = await Daemon.start(config, programs);
      const endpoint = process.env["KANBAND_BROWSER"];
      if (endpoint === undefined) throw new Error("KANBAND_BROWSER names no browser: run make test-web");
      this.browser = await chromium.connect(endpoint);
      this.context = await this.logIn();
    });
    after(async () => {
      await this.context?.close().catch(() => undefined);
      await this.browser?.close().catch(() => undefined);
      await this.daemon?.end();
    });
  }

  /** A browser of another person: cookies, storage and all of its own. It comes in by a link. */
  async logIn(options: object = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({ ...CONTEXT, ...this.options, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    // Columns of a board that has nothing in them fold by themselves; the tests see all.
    await context.addInitScript((boards) => {
      const open = { triage: false, todo: false, scheduled: false, review: false };
      localStorage.setItem("kanband.folds", JSON.stringify(Object.fromEntries(boards.map((board) => [board, open]))));
    }, BOARDS);
    const page = await context.newPage();
    await page.goto(this.daemon.link());
    await isLive(page);
    await page.close();
    return context;
  }

  /** A new session for the tests that follow, after the old one was ended. */
  async renew(): Promise<void> {
    await this.context.close();
    this.context = await this.logIn();
  }

  /** A page in the session of the suite, or in that of `context`. It is live when this returns. */
  async open(query = "", context: BrowserContext = this.context): Promise<Board> {
    const { daemon } = this;
    const page = await context.newPage();
    const watch = new Watch(page, daemon.origin);
    const board = daemon.board;
    const url = (more = ""): string => `${daemon.origin}/${board === "default" && more === "" ? "" : "?"}${[board === "default" ? "" : `board=${board}`, more].filter((part) => part !== "").join("&")}`;
    await page.goto(url(query));
    await isLive(page);
    return { page, watch, daemon, url };
  }

  /** A claim about the page. It fails with what the page must not do, too. */
  claim(name: string, proof: (board: Board) => Promise<void>, query = ""): void {
    test(name, async () => {
      this.boards += 1;
      this.daemon.board = "default";
      this.daemon.cli("boards", "create", `b${this.boards}`);
      this.daemon.board = `b${this.boards}`;
      const board = await this.open(query);
      try {
        await proof(board);
        board.watch.check();
      } catch (error) {
        await picture(board.page, name);
        const said = board.watch.faults.length > 0 ? `\nThe page said:\n${board.watch.faults.join("\n")}` : "";
        if (error instanceof Error) error.message += said;
        throw error;
      } finally {
        await board.page.close();
      }
    });
  }
}

/** How a failed test looked, where `KANBAND_PICTURES` names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["KANBAND_PICTURES"];
  if (folder === undefined) return;
  await page.screenshot({ path: `${folder}/${name.replace(/\W+/g, "-").slice(0, 80)}.png` }).catch(() => undefined);
}

export async function isLive(page: Page): Promise<void> {
  await page.waitForSelector(':root[data-state="live"][data-cursor]');
}

/** Waits until the page shows everything that the daemon has committed by now. */
export async function caughtUp({ page, daemon }: Board): Promise<void> {
  const { cursor } = await daemon.get<{ cursor: string }>(`/v1/board?window=1&board=${daemon.board}`);
  await passed(page, cursor);
}

export async function passed(page: Page, cursor: string): Promise<void> {
  await page.waitForFunction((wanted) => {
    const [here, at] = (document.documentElement.dataset["cursor"] ?? ":0").split(":");
    const [there, goal] = wanted.split(":");
    // Another incarnation: a snapshot has replaced everything.
    return here !== "" && (here !== there || Number(at) >= Number(goal));
  }, cursor);
}
