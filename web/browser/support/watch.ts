// What must not happen on a page: an error on the console, an exception, a breach of the content's policy, a request to elsewhere.
// Chromium writes refused requests to the console, too; those that a test expects are named by path and status, not by words.
import type { Page, Request } from "playwright-core";

export interface Expected {
  /** Beginning of the path, such as `/v1/tasks/`. */
  path: string;
  /** 0: the connection broke. */
  status: number;
}

export class Watch {
  readonly faults: string[] = [];
  /** Requests since the last `forget`, as `GET /v1/board`. */
  requests: string[] = [];
  private readonly expected: Expected[] = [];

  constructor(page: Page, origin: string) {
    page.on("pageerror", (error) => this.faults.push(`exception: ${error.stack ?? error.message}`));
    page.on("console", (message) => {
      if (message.type() !== "error" && !/Content Security Policy|TrustedHTML|Trusted Type/i.test(message.text())) return;
      const { url } = message.location();
      if (!this.isExpected(message.text(), url)) this.faults.push(`console: ${message.text()} (${url})`);
    });
    page.on("request", (request) => this.note(request, origin));
    page.on("websocket", (socket) => {
      if (!socket.url().startsWith(origin.replace("http", "ws"))) this.faults.push(`a socket to elsewhere: ${socket.url()}`);
    });
  }

  private note(request: Request, origin: string): void {
    const url = new URL(request.url());
    if (url.protocol === "blob:" || url.protocol === "data:") return;
    if (url.origin !== origin) this.faults.push(`a request to elsewhere: ${request.url()}`);
    this.requests.push(`${request.method()} ${url.pathname}${url.search}`);
  }

  private isExpected(text: string, url: string): boolean {
    const path = /^(https?|wss?):/.test(url) ? new URL(url).pathname : "";
    const status = Number(/status of (\d+)|Unexpected response code: (\d+)/.exec(text)?.slice(1).find((each) => each !== undefined) ?? 0);
    const isBroken = /net::ERR_|WebSocket connection to/.test(text);
    return this.expected.some((each) => (path === "" ? text.includes(each.path) : path.startsWith(each.path)) && (status === each.status || (each.status === 0 && isBroken)));
  }

  /** From now on this is no fault. */
  expect(path: string, status: number): void {
    this.expected.push({ path, status });
  }

  forget(): void {
    this.requests = [];
  }

  /** Throws what was seen, and forgets it. */
  check(): void {
    const faults = this.faults.splice(0);
    if (faults.length > 0) throw new Error(`The page is not clean:\n${faults.join("\n")}`);
  }
}
