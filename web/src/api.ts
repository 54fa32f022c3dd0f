// Requests to the daemon. Every write carries an id, so that it can be repeated when its reply was lost: the daemon does it once.
import { signal } from "@preact/signals";
import type { ApiError } from "./wire";

/** "over" after a 401: the page keeps what it shows and says how to get a new link. */
export const session = signal<"open" | "over">("open");

export type Query = Record<string, string | number | boolean | null | undefined>;
export interface Done<T> {
  value: T;
  /** Cursor of the commit: the stream has brought its effects once it has passed this. */
  cursor: string | null;
}
export interface WriteOptions {
  /** Called when the connection broke and the write is about to be repeated. */
  onRepeat?: () => void;
  signal?: AbortSignal;
}

/** The daemon said no, or could not be reached (`status` 0). */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  /** With `changed_meanwhile`: the task or card as it is. */
  readonly current: unknown;

  constructor(status: number, error: ApiError & { task?: unknown }) {
    super(error.message);
    this.name = "Refusal";
    this.status = status;
    this.code = error.code;
    this.hint = error.hint ?? null;
    this.current = error.current ?? error.task ?? null;
  }
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(0, { code: "unreachable", message: "The daemon cannot be reached.", hint: "Is it running? See: kanban status" });
}

function withQuery(path: string, query?: Query): string {
  if (query === undefined) return path;
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    fields.set(name, String(value));
  }
  const text = fields.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function refusalOf(response: Response): Promise<Refusal> {
  if (response.status === 401) session.value = "over";
  try {
    const body = (await response.json()) as { error?: ApiError };
    if (body.error !== undefined) return new Refusal(response.status, body.error);
  } catch {
    // No JSON: a proxy's page, or a cut reply.
  }
  const message = response.status === 401 ? "The session is over." : `The daemon answered ${response.status} without a message.`;
  return new Refusal(response.status, { code: response.status === 401 ? "no_session" : "internal", message });
}

/** A read. Rejects with `Refusal`, or with an `AbortError` when `signal` ended it. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  const response = await read(path, query, signal);
  return (await response.json()) as T;
}

export async function getText(path: string, query?: Query, signal?: AbortSignal): Promise<{ text: string; headers: Headers }> {
  const response = await read(path, query, signal);
  return { text: await response.text(), headers: response.headers };
}

export async function getBlob(path: string, query?: Query, signal?: AbortSignal): Promise<Blob> {
  return await (await read(path, query, signal)).blob();
}

async function read(path: string, query?: Query, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(withQuery(path, query), { credentials: "same-origin", cache: "no-store", signal: signal ?? null });
  } catch (error) {
    if (isAborted(error)) throw error;
    throw asRefusal(error);
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

export function post<T>(path: string, body?: unknown, options?: WriteOptions): Promise<Done<T>> {
  return write<T>("POST", path, JSON.stringify(body ?? {}), "application/json", options);
}

export function patch<T>(path: string, body: unknown, options?: WriteOptions): Promise<Done<T>> {
  return write<T>("PATCH", path, JSON.stringify(body), "application/json", options);
}

/** Attaches a file: its content is the body, its name in the query. */
export function upload<T>(path: string, file: File, options?: WriteOptions): Promise<Done<T>> {
  return write<T>("POST", withQuery(path, { filename: file.name }), file, "application/octet-stream", options);
}

const REPEAT_DELAYS_MS = [300, 1000, 3000, 8000, 15_000];

async function write<T>(method: string, path: string, body: BodyInit, type: string, options?: WriteOptions): Promise<Done<T>> {
  const id = crypto.randomUUID();
  for (let attempt = 0; ; attempt += 1) {
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        body,
        credentials: "same-origin",
        headers: { "content-type": type, "kanban-request-id": id },
        signal: options?.signal ?? null,
      });
    } catch (error) {
      if (isAborted(error)) throw error;
      const delay_ms = REPEAT_DELAYS_MS[attempt];
      if (delay_ms === undefined) throw asRefusal(error);
      options?.onRepeat?.();
      await new Promise((resolve) => setTimeout(resolve, delay_ms));
      continue;
    }
    if (!response.ok) throw await refusalOf(response);
    const cursor = response.headers.get("kanban-event-cursor");
    const text = await response.text();
    return { value: (text === "" ? null : JSON.parse(text)) as T, cursor };
  }
}
