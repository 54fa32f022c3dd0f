// The focus of the board: one card of one column. Cards come and go with the windows, so it is kept by id and found again.
import { columns, modelOf } from "../state/board";
import { focused } from "../state/selection";
import type { Status } from "../wire";

/** A focused card that has just left a column: where it is mounted next, the focus goes with it. */
export const wantsFocus: { id: string | null } = { id: null };
document.addEventListener("focusin", () => {
  wantsFocus.id = null;
});

/** A card with the focus is about to leave the DOM. If it is gone for good, what is at its place now gets the focus. */
export function leaveFocus(id: string, status: Status, row: number): void {
  wantsFocus.id = id;
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (wantsFocus.id !== id || document.activeElement !== document.body) return;
    // Its new column may have drawn it before the old one let it go.
    const element = elementOf(id);
    if (element !== null) element.focus({ preventScroll: true });
    else if (columnOf(id) === null) focusPlace({ status, row });
  }));
}

type Scroller = (index: number) => void;
const scrollers = new Map<Status, Scroller>();

/** A column says how it brings a card into view. */
export function registerColumn(status: Status, scroll: Scroller): () => void {
  scrollers.set(status, scroll);
  return () => void scrollers.delete(status);
}

export function columnOf(id: string): Status | null {
  for (const model of Object.values(columns)) if (model.ids.peek().includes(id)) return model.status;
  return null;
}

function elementOf(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-card="${CSS.escape(id)}"]`);
}

/** Brings a card into view and focuses it. */
export function focusCard(id: string | null = focused.peek()): boolean {
  if (id === null) return false;
  const status = columnOf(id);
  if (status === null) return false;
  focused.value = id;
  const here = elementOf(id);
  if (here !== null) {
    here.focus({ preventScroll: true });
    here.scrollIntoView({ block: "nearest", inline: "nearest" });
    return true;
  }
  scrollers.get(status)?.(modelOf(status).ids.peek().indexOf(id));
  requestAnimationFrame(() => {
    const mounted = elementOf(id);
    mounted?.focus({ preventScroll: true });
    mounted?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  return true;
}

const last_focused = new Map<Status, string>();
focused.subscribe((id) => {
  if (id === null) return;
  const status = columnOf(id);
  if (status !== null) last_focused.set(status, id);
});

/** The card of a column that Tab reaches: the one that had the focus last, as far as it is mounted. */
export function tabStopOf(status: Status, mounted: readonly string[]): string | null {
  const current = focused.value;
  if (current !== null && mounted.includes(current)) return current;
  const last = last_focused.get(status);
  return last !== undefined && mounted.includes(last) ? last : null;
}

/** The card of a column that had the focus last, if it is still there. */
export function focusedIn(status: Status): string | null {
  const last = last_focused.get(status);
  return last !== undefined && modelOf(status).ids.peek().includes(last) ? last : null;
}

/** Where a card is now: its column and its row there. */
export function placeOf(id: string): { status: Status; row: number } | null {
  const status = columnOf(id);
  return status === null ? null : { status, row: modelOf(status).ids.peek().indexOf(id) };
}

/** Focuses what is at a place, or the last card before it. */
export function focusPlace(place: { status: Status; row: number } | null): boolean {
  if (place === null) return false;
  const ids = modelOf(place.status).ids.peek();
  return focusCard(ids[Math.min(place.row, ids.length - 1)] ?? null);
}
