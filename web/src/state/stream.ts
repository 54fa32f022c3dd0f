// One WebSocket for the page. It goes on from the newest cursor after a break, and says when it hears nothing.
import { effect, signal, untracked } from "@preact/signals";
import { get, session } from "../api";
import type { Delta, FromServer, ToServer } from "../wire";
import { applyDelta, applyFacts, applySeen, boardName, cursor, largestColumn } from "./board";
import { hasPassed } from "./cursor";
import { loadBoard } from "./load";

export type StreamState = "connecting" | "live" | "reconnecting" | "offline";

export const streamState = signal<StreamState>("connecting");
/** When the connection was lost, epoch milliseconds. */
export const lostAt = signal<number | null>(null);
/** Another bundle than this page's is served now. */
export const isOutdatedPage = signal(false);
/** Counts up when a snapshot replaced everything because events were lost; `why` says the reason. */
export const resyncs = signal<{ count: number; why: string }>({ count: 0, why: "" });

/** The stream has been live long enough to have brought a sign of life of every run that gives one. */
export const hasHeardSigns = signal(false);

const SIGNS_MS = 8_000;
const SILENCE_MS = 45_000;
const VISIBLE_AFTER_MS = 2_000;
const OFFLINE_AFTER_MS = 10_000;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

type DeltaListener = (delta: Delta) => void;
export interface LogFrame { run: number; text: string; omitted: number; is_over: boolean }
/** "again": the log begins anew, after a break; what came before comes once more. */
type LogListener = (frame: LogFrame | "again") => void;

const delta_listeners = new Set<DeltaListener>();
let watched: { task: string; run: number | null; listener: LogListener } | null = null;

let socket: WebSocket | null = null;
let subscribed: string | null = null;
let bundle: string | null = null;
let failures = 0;
let retry_timer: ReturnType<typeof setTimeout> | undefined;
let silence_timer: ReturnType<typeof setTimeout> | undefined;
let signs_timer: ReturnType<typeof setTimeout> | undefined;
let state_timers: ReturnType<typeof setTimeout>[] = [];

/** Calls `listener` for each delta of the board, after the board has applied it. Returns what ends it. */
export function onDelta(listener: DeltaListener): () => void {
  delta_listeners.add(listener);
  return () => void delta_listeners.delete(listener);
}

/** Follows a log from its end. One at a time: the drawer shows one. Returns what ends it. */
export function watchLog(task: string, run: number | null, listener: LogListener): () => void {
  const wish = { task, run, listener };
  watched = wish;
  send({ log: { task, run } });
  return () => {
    if (watched !== wish) return;
    watched = null;
    send({ log: null });
  };
}

function send(message: ToServer): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function subscribe(): void {
  subscribed = boardName.peek();
  send({ subscribe: { board: subscribed, after: cursor.peek() } });
}

export function connect(): void {
  clearTimeout(retry_timer);
  if (socket !== null || session.peek() === "over") return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/v1/stream`);
  socket = opened;
  hear();
  opened.onopen = () => {
    // The daemon greets a page that has said which board it shows, and from where.
    if (cursor.peek() !== null) subscribe();
    else void loadBoard().then((isRead) => (isRead ? subscribe() : lose()));
    if (watched !== null) send({ log: { task: watched.task, run: watched.run } });
  };
  opened.onmessage = (event) => {
    if (socket !== opened) return;
    hear();
    take(JSON.parse(event.data as string) as FromServer);
  };
  opened.onclose = () => {
    if (socket === opened) lose();
  };
}

/** A frame came: the deadline starts anew. */
function hear(): void {
  clearTimeout(silence_timer);
  silence_timer = setTimeout(lose, SILENCE_MS);
}

function lose(): void {
  const old = socket;
  socket = null;
  clearTimeout(silence_timer);
  if (old !== null) {
    old.onclose = null;
    old.onmessage = null;
    old.onopen = null;
    old.close();
  }
  if (lostAt.peek() === null) {
    lostAt.value = Date.now();
    state_timers = [
      setTimeout(() => (streamState.value = "reconnecting"), VISIBLE_AFTER_MS),
      setTimeout(() => (streamState.value = "offline"), OFFLINE_AFTER_MS),
    ];
  }
  clearTimeout(signs_timer);
  hasHeardSigns.value = false;
  failures += 1;
  // An upgrade that is refused says no reason to a page; a read does, and ends the session when that is over.
  if (failures === 2) void get("/v1/whoami").catch(() => undefined);
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 5));
  retry_timer = setTimeout(connect, delay * (0.5 + Math.random() / 2));
}

function live(): void {
  failures = 0;
  lostAt.value = null;
  for (const timer of state_timers) clearTimeout(timer);
  state_timers = [];
  clearTimeout(signs_timer);
  signs_timer = setTimeout(() => (hasHeardSigns.value = true), SIGNS_MS);
  streamState.value = "live";
}

function take(message: FromServer): void {
  if ("delta" in message) {
    applyDelta(message.delta);
    for (const listener of delta_listeners) listener(message.delta);
  } else if ("seen" in message) applySeen(message.seen);
  else if ("facts" in message) applyFacts(message.facts, message.cursor, message.reasons);
  else if ("ping" in message) send({ pong: message.ping });
  else if ("log" in message) watched?.listener(message.log);
  else if ("resync" in message) void resync(message.resync.why);
  else if ("hello" in message) greet(message.hello);
  else if ("error" in message) refuse(message.error.code);
}

function greet(hello: { bundle: string; cursor: string }): void {
  if (bundle !== null && bundle !== hello.bundle) isOutdatedPage.value = true;
  bundle ??= hello.bundle;
  live();
}

function refuse(code: string): void {
  if (code === "no_session") session.value = "over";
}

async function resync(why: string): Promise<void> {
  // As deep as the columns are, so that nobody is scrolled away.
  if (await loadBoard({ keepsLoaded: false, window: largestColumn() })) {
    resyncs.value = { count: resyncs.peek().count + 1, why };
    subscribe();
  }
}

/** Starts the stream once a snapshot is there, and keeps it on the board that is shown. */
export function followBoard(): void {
  connect();
  effect(() => {
    const board = boardName.value;
    untracked(() => {
      if (subscribed !== null && subscribed !== board) subscribe();
    });
  });
  effect(() => {
    if (session.value === "over" && socket !== null) untracked(lose);
  });
  const now_again = (): void => {
    if (session.peek() === "over") {
      // Another tab may have logged in meanwhile.
      void get("/v1/whoami").then(() => {
        session.value = "open";
        connect();
      }, () => undefined);
      return;
    }
    if (socket === null) {
      failures = Math.min(failures, 1);
      connect();
    }
  };
  window.addEventListener("online", now_again);
  window.addEventListener("focus", now_again);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) now_again();
  });
}

/** Resolves when the stream has brought everything up to `wanted`. */
export function untilPassed(wanted: string | null): Promise<void> {
  return new Promise((resolve) => {
    if (wanted === null || hasPassed(cursor.peek(), wanted)) {
      resolve();
      return;
    }
    const stop = cursor.subscribe((at) => {
      if (!hasPassed(at, wanted)) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
