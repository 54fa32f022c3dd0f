// Reads snapshots and further windows. One snapshot at a time: a newer wish ends the older one.
import { effect, signal, untracked } from "@preact/signals";
import { asRefusal, get, isAborted, type Refusal } from "../api";
import type { BoardSnapshot, CardPage, Status } from "../wire";
import { applySnapshot, beginWindow, needsRenewal, recordDeltas, WINDOW } from "./board";
import { queryOf } from "./filter";
import { firstUse } from "./firstUse";
import { sameCards, type View } from "./url";
import { view } from "./view";

/** Why the last snapshot could not be read; the board keeps what it has. */
export const loadProblem = signal<Refusal | null>(null);
/** A snapshot is on its way because the filter changed. */
export const isFiltering = signal(false);

let shown: View | null = null;
let running: AbortController | null = null;

/** Reads the board as the view asks for it. */
export async function loadBoard(options?: { keepsLoaded?: boolean; window?: number }): Promise<boolean> {
  running?.abort();
  const control = new AbortController();
  running = control;
  const wanted = view.peek();
  const window = Math.min(WINDOW_MAX, Math.max(WINDOW, options?.window ?? 0));
  const filter = { assignee: wanted.assignee, tenant: wanted.tenant, label: wanted.label, text: wanted.text };
  const recording = recordDeltas();
  try {
    const query = { board: wanted.board, ...queryOf(filter), window, archived: wanted.archived ? true : null };
    const snapshot = await get<BoardSnapshot>("/v1/board", query, control.signal);
    const keepsLoaded = options?.keepsLoaded === true && shown !== null && sameCards(shown, wanted);
    recording.end();
    applySnapshot(snapshot, { filter, keepsLoaded, window, since: recording.deltas });
    firstUse.value = snapshot.first_use ?? null;
    shown = wanted;
    loadProblem.value = null;
    return true;
  } catch (error) {
    if (!isAborted(error)) loadProblem.value = asRefusal(error);
    return false;
  } finally {
    recording.end();
    if (running === control) {
      running = null;
      isFiltering.value = false;
    }
  }
}

/** Whether the loaded cards are of another board, filter or archive switch than the view's. */
function isOutdated(next: View): boolean {
  return shown === null || !sameCards(shown, next);
}

const WINDOW_MAX = 500;
const TYPING_DELAY_MS = 120;
const RENEWAL_DELAY_MS = 300;
let timer: ReturnType<typeof setTimeout> | undefined;
let renewal_timer: ReturnType<typeof setTimeout> | undefined;

export function followView(): void {
  effect(() => {
    const next = view.value;
    untracked(() => {
      if (shown === null || !isOutdated(next)) return;
      const isTyping = shown.board === next.board && shown.text !== next.text;
      isFiltering.value = true;
      clearTimeout(timer);
      timer = setTimeout(() => void loadBoard(), isTyping ? TYPING_DELAY_MS : 0);
    });
  });
  effect(() => {
    if (needsRenewal.value === 0 || renewal_timer !== undefined) return;
    renewal_timer = setTimeout(() => {
      renewal_timer = undefined;
      void loadBoard({ keepsLoaded: true });
    }, RENEWAL_DELAY_MS);
  });
}

/** Loads the next window of a column, or the one from `far_offset` on; call it when its placeholders are seen. */
export async function loadMore(status: Status, rows: number, far_offset: number | null = null): Promise<void> {
  const wanted = view.peek();
  if (isOutdated(wanted)) return;
  const request = beginWindow(status, far_offset);
  if (request === null) return;
  const query = { board: wanted.board, status, offset: request.offset, limit: Math.min(500, rows), ...queryOf(wanted) };
  try {
    const page = await get<CardPage>("/v1/cards", query);
    request.finish(page.cards, page.count, page.count_is_exact);
  } catch (error) {
    request.fail(asRefusal(error).message);
  }
}
