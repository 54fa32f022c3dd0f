// The board as signals: one per card, one per column's list, and what holds for all. Rows come from snapshots and the stream; what is
// shown is rows with the pending patches on top.
import { batch, effect, signal, untracked, type Signal } from "@preact/signals";
import { STATUSES, type BoardFacts, type BoardSnapshot, type Card, type CardReason, type Delta, type Status } from "../wire";
import { markChange } from "./flash";
import { addWindow, emptyColumn, holds, isWhole, jumpTo, putIn, renewWindow, takeOut, type ColumnData } from "./column";
import { hasPassed } from "./cursor";
import { fits, type CardConditions } from "./filter";
import { orderOf, placeIn } from "./order";
import { passPatches, patched, patches, type Patch } from "./pending";
import { setServerTime } from "./clock";
import { FIRST_VIEW } from "./url";

export { now } from "./clock";

export interface ColumnModel {
  status: Status;
  /** What is shown: ids in order, pending moves included. */
  ids: Signal<readonly string[]>;
  /** The tasks that are not loaded before some of the ids; null when all ids follow each other. */
  gap: Signal<Gap | null>;
  count: Signal<number>;
  isExact: Signal<boolean>;
  total: Signal<number>;
  /** The next window is on its way. */
  isLoading: Signal<boolean>;
  /** Why the last window could not be read. */
  problem: Signal<string | null>;
}

export interface Gap {
  /** Ids before it. */
  at: number;
  /** Tasks in it. */
  size: number;
  /** Its size may be wrong: what is behind it is to be read again. */
  isOld: boolean;
}

export const boardName = signal("default");
export const facts = signal<BoardFacts | null>(null);
export const boards = signal<BoardSnapshot["boards"]>([]);
export const facets = signal<BoardSnapshot["facets"]>({ assignees: [], tenants: [], labels: [] });
export const me = signal("");
export const daemonVersion = signal("");
/** Newest cursor that the page has applied. */
export const cursor = signal<string | null>(null);
/** Statuses of the daemon, in its order: a later daemon may have others. */
export const statuses = signal<readonly Status[]>(STATUSES.filter((status) => status !== "archived"));
/** No snapshot of this board has come yet. */
export const isFirstLoad = signal(true);
/** Something changed that a filter's counts cannot be computed for here: they are read anew, a moment later. */
export const needsRenewal = signal(0);

/** Every card that is shown or kept, by id. */
export const cards = new Map<string, Signal<Card>>();
/** Newest sign of life by run, as the stream brings them. */
const seen = new Map<number, Signal<number>>();

const rows = new Map<string, Card>();
const data = new Map<Status, ColumnData>();
/** Changes since each window was asked for, so that its reply cannot bring back what has gone. */
const journals = new Set<Map<string, Card | null>>();

export const columns: Record<Status, ColumnModel> = {};
for (const status of STATUSES) modelOf(status);

let conditions: CardConditions = FIRST_VIEW;

function hasConditions(): boolean {
  return conditions.text.trim() !== "" || conditions.assignee.length + conditions.tenant.length + conditions.label.length > 0;
}

export function modelOf(status: Status): ColumnModel {
  let model = columns[status];
  if (model === undefined) {
    model = { status, ids: signal([]), gap: signal(null), count: signal(0), isExact: signal(true), total: signal(0), isLoading: signal(false), problem: signal(null) };
    columns[status] = model;
    data.set(status, emptyColumn(status));
  }
  return model;
}

function dataOf(status: Status): ColumnData {
  modelOf(status);
  return data.get(status) as ColumnData;
}

export function cardOf(id: string): Card | undefined {
  return cards.get(id)?.value;
}

export function seenAt(run: number): Signal<number> {
  let at = seen.get(run);
  if (at === undefined) {
    at = signal(0);
    seen.set(run, at);
  }
  return at;
}

/** Cards to keep although no column has them loaded: those selected or open. */
export const kept = signal<ReadonlySet<string>>(new Set());

let shown_patches: readonly Patch[] = [];

function showCard(row: Card): void {
  const card = patched(row, patches.peek());
  const known = cards.get(row.id);
  if (known === undefined) cards.set(row.id, signal(card));
  else if (known.peek() !== card) known.value = card;
}

function showColumn(status: Status): void {
  const column = dataOf(status);
  const model = modelOf(status);
  const list = patches.peek();
  let ids = column.cards.map((card) => card.id);
  let count = column.count;
  let total = column.total;
  if (list.length > 0) {
    const touched = new Set<string>();
    for (const patch of list) for (const id of patch.ids) touched.add(id);
    const order = orderOf(status);
    const moved: Card[] = [];
    for (const id of touched) {
      const row = rows.get(id);
      if (row === undefined) continue;
      const card = patched(row, list);
      const was = row.status === status;
      const is = card.status === status;
      if (is) moved.push(card);
      if (was !== is) {
        count += is ? 1 : -1;
        total += is ? 1 : -1;
      }
    }
    const rest = column.cards.filter((card) => !touched.has(card.id));
    for (const card of moved) rest.splice(placeIn(rest, card, order), 0, card);
    ids = rest.map((card) => card.id);
  }
  let gap: Gap | null = null;
  if (column.far !== null) {
    gap = { at: ids.length, size: Math.max(0, column.far.offset - ids.length), isOld: column.far.isOld };
    const here = new Set(ids);
    const rest = column.far.cards.filter((card) => !here.has(card.id) && patched(card, list).status === status);
    ids = [...ids, ...rest.map((card) => card.id)];
  }
  const old_gap = model.gap.peek();
  if (old_gap?.at !== gap?.at || old_gap?.size !== gap?.size || old_gap?.isOld !== gap?.isOld) model.gap.value = gap;
  const old = model.ids.peek();
  if (old.length !== ids.length || old.some((id, at) => id !== ids[at])) model.ids.value = ids;
  model.count.value = Math.max(count, ids.length);
  model.total.value = Math.max(0, total);
  model.isExact.value = column.isExact;
}

effect(() => {
  const list = patches.value;
  untracked(() => {
    const touched = new Set<string>();
    for (const patch of [...shown_patches, ...list]) for (const id of patch.ids) touched.add(id);
    shown_patches = list;
    batch(() => {
      for (const id of touched) {
        const row = rows.get(id);
        if (row !== undefined) showCard(row);
      }
      if (touched.size > 0) for (const status of data.keys()) showColumn(status);
    });
  });
});

function forgetUnless(id: string): void {
  if (kept.peek().has(id)) return;
  const row = rows.get(id);
  if (row !== undefined && holds(dataOf(row.status), row)) return;
  if (patches.peek().some((patch) => patch.ids.has(id))) return;
  rows.delete(id);
  cards.delete(id);
}

/** Cards a column's first window has: more than any screen shows, and what the daemon sends reasons for. */
export const WINDOW = 30;

export interface SnapshotOptions {
  filter: CardConditions;
  /** Keep the loaded cards behind the first windows: the same board and filter, read anew. */
  keepsLoaded: boolean;
  /** Cards that were asked for of each column. */
  window?: number;
  /** What the stream has brought since it was asked for: the snapshot may be older. */
  since?: readonly Delta[];
}

const recordings = new Set<Delta[]>();

/** Writes down what the stream brings until `end`. */
export function recordDeltas(): { deltas: readonly Delta[]; end: () => void } {
  const deltas: Delta[] = [];
  recordings.add(deltas);
  return { deltas, end: () => void recordings.delete(deltas) };
}

/** The most cards that a column has loaded: a snapshot of as many leaves every column as deep as it was. */
export function largestColumn(): number {
  return Math.max(0, ...[...data.values()].map((column) => column.cards.length));
}

export function applySnapshot(snapshot: BoardSnapshot, options: SnapshotOptions): void {
  batch(() => {
    conditions = options.filter;
    setServerTime(snapshot.now);
    const names = snapshot.columns.map((column) => column.status);
    if (!options.keepsLoaded) {
      rows.clear();
      for (const column of data.values()) Object.assign(column, { cards: [], far: null });
    }
    for (const sent of snapshot.columns) {
      const column = dataOf(sent.status);
      renewWindow(column, sent.cards, options.window ?? WINDOW);
      column.count = sent.count;
      column.isExact = sent.count_is_exact;
      column.total = sent.total;
      for (const card of sent.cards) rows.set(card.id, card);
    }
    for (const column of data.values()) {
      if (!names.includes(column.status)) Object.assign(column, emptyColumn(column.status));
      modelOf(column.status).problem.value = null;
    }
    // A card may have left a column behind its window: its row says where it is now.
    for (const column of data.values()) {
      column.cards = column.cards.filter((card) => rows.get(card.id)?.status === column.status);
      if (column.far !== null) column.far.cards = column.far.cards.filter((card) => rows.get(card.id)?.status === column.status);
      if (column.far?.cards.length === 0) column.far = null;
    }
    for (const id of [...cards.keys()]) {
      if (!rows.has(id) && !kept.peek().has(id)) cards.delete(id);
    }
    for (const row of rows.values()) showCard(row);
    for (const status of data.keys()) showColumn(status);
    if (names.join() !== statuses.peek().join()) statuses.value = names;
    boardName.value = snapshot.board;
    facts.value = snapshot.facts;
    boards.value = snapshot.boards;
    facets.value = snapshot.facets;
    me.value = snapshot.me;
    daemonVersion.value = snapshot.version;
    isFirstLoad.value = false;
    passTo(snapshot.cursor);
    for (const delta of options.since ?? []) if (!hasPassed(snapshot.cursor, delta.cursor)) applyDelta(delta);
  });
}

function passTo(at: string): void {
  const here = cursor.peek();
  // A snapshot may be a little older than the stream; the cursor goes back only with another incarnation.
  if (here !== null && hasPassed(here, at) && hasPassed(at, here) === false) return;
  cursor.value = at;
  passPatches(at);
}

function changeRow(card: Card, touched: Set<Status>): void {
  const old = rows.get(card.id);
  if (old !== undefined && old.version > card.version) return;
  for (const journal of journals) journal.set(card.id, card);
  const isText = conditions.text.trim() !== "";
  const was_in = old !== undefined && fits(old, conditions);
  const is_in = fits(card, conditions) && (!isText || was_in);
  const isFiltered = hasConditions();
  if (isFiltered && (old === undefined || isText)) needsRenewal.value += 1;
  if (old !== undefined) {
    touched.add(old.status);
    const column = dataOf(old.status);
    takeOut(column, old);
    known_changes.set(old.status, (known_changes.get(old.status) ?? 0) - 1);
    if (isFiltered && was_in) column.count = Math.max(0, column.count - 1);
  }
  const column = dataOf(card.status);
  touched.add(card.status);
  const whole = isFiltered && old === undefined && isText ? false : isWholeBefore(column, old, was_in);
  if (isFiltered && is_in && old !== undefined) column.count += 1;
  known_changes.set(card.status, (known_changes.get(card.status) ?? 0) + 1);
  rows.set(card.id, card);
  if (is_in) putIn(column, card, whole);
  markChange(old, card);
}

/** Whether the column was whole before `old` was taken out of it. Counts of an unfiltered board change only with the delta's end. */
function isWholeBefore(column: ColumnData, old: Card | undefined, was_in: boolean): boolean {
  if (whole_before !== null) return whole_before.has(column.status);
  return isWhole(column) || (old?.status === column.status && was_in && column.cards.length + 1 >= column.count);
}

let whole_before: Set<Status> | null = null;
/** Tasks that came to a column in a delta, less those that left it, as far as their rows say. */
const known_changes = new Map<Status, number>();

export function applyDelta(delta: Delta): void {
  if (delta.board !== boardName.peek()) return;
  for (const recording of recordings) recording.push(delta);
  batch(() => {
    const touched = new Set<Status>();
    known_changes.clear();
    whole_before = new Set([...data.values()].filter(isWhole).map((column) => column.status));
    for (const card of delta.cards) changeRow(card, touched);
    for (const id of delta.gone) {
      for (const journal of journals) journal.set(id, null);
      const old = rows.get(id);
      if (old === undefined) continue;
      const column = dataOf(old.status);
      touched.add(old.status);
      known_changes.set(old.status, (known_changes.get(old.status) ?? 0) - 1);
      if (takeOut(column, old)) column.count = Math.max(0, column.count - 1);
      rows.delete(id);
      cards.delete(id);
    }
    whole_before = null;
    const isFiltered = hasConditions();
    for (const [status, total] of Object.entries(delta.counts)) {
      const column = dataOf(status);
      if (column.total !== total) touched.add(status);
      // A task that is not loaded has come or gone, before or behind the further part.
      if (column.far !== null && total - column.total !== (known_changes.get(status) ?? 0)) {
        column.far.isOld = true;
        touched.add(status);
      }
      column.total = total;
      if (!isFiltered) {
        column.count = total;
        column.isExact = true;
      }
    }
    for (const card of delta.cards) {
      const row = rows.get(card.id);
      if (row === undefined) continue;
      if (holds(dataOf(row.status), row) || kept.peek().has(card.id) || patches.peek().some((patch) => patch.ids.has(card.id))) showCard(row);
      else forgetUnless(card.id);
    }
    for (const status of touched) showColumn(status);
    setServerTime(delta.now);
    passTo(delta.cursor);
  });
}

export function applySeen(times: Record<string, number>): void {
  batch(() => {
    for (const [run, at] of Object.entries(times)) {
      const known = seen.get(Number(run));
      if (known !== undefined && at > known.peek()) known.value = at;
    }
  });
}

export function applyFacts(next: BoardFacts, at: string, reasons: Record<string, CardReason>): void {
  batch(() => {
    facts.value = next;
    if (JSON.stringify(next.boards) !== JSON.stringify(boards.peek())) boards.value = next.boards;
    // The reasons are those of the first cards that are ready; one that is not named there has none now.
    const head = hasConditions() ? [] : dataOf("ready").cards.slice(0, WINDOW).map((card) => card.id);
    for (const id of new Set([...head, ...Object.keys(reasons)])) {
      const row = rows.get(id);
      const reason = reasons[id] ?? null;
      if (row === undefined || row.status !== "ready" || JSON.stringify(row.reason) === JSON.stringify(reason)) continue;
      replaceRow(row, { ...row, reason });
    }
    passTo(at);
  });
}

/** A newer row of the same column. Its key may be another one: only in a sorted list the next card finds its place. */
function replaceRow(row: Card, card: Card): void {
  const column = dataOf(row.status);
  rows.set(card.id, card);
  if (holds(column, row)) {
    const list = column.cards.includes(row) ? column.cards : (column.far?.cards ?? []);
    if (orderOf(row.status)(row, card) === 0) list[list.indexOf(row)] = card;
    else {
      const whole = isWhole(column);
      takeOut(column, row);
      putIn(column, card, whole);
      showColumn(row.status);
    }
  }
  showCard(card);
}

/** Rows that a further window asks for again. */
const OVERLAP = 8;

export interface WindowRequest { status: Status; offset: number; finish: (sent: readonly Card[], count: number, isExact: boolean) => void; fail: (message: string) => void }

/** Begins to load more of a column, or its part from `far_offset` on; null when nothing is missing or a window is on its way. */
export function beginWindow(status: Status, far_offset: number | null = null): WindowRequest | null {
  const model = modelOf(status);
  const column = dataOf(status);
  if (model.isLoading.peek() || isWhole(column)) return null;
  model.isLoading.value = true;
  model.problem.value = null;
  const journal = new Map<string, Card | null>();
  journals.add(journal);
  const filter = conditions;
  const end = (): boolean => {
    journals.delete(journal);
    model.isLoading.value = false;
    return filter === conditions;
  };
  // Some rows overlap: those that left the beginning meanwhile shift the rest.
  const isFar = far_offset !== null && far_offset > column.cards.length;
  const offset = isFar ? far_offset : Math.max(0, column.cards.length - OVERLAP);
  return {
    status,
    offset,
    finish: (sent, count, isExact) => batch(() => {
      if (!end()) return;
      const last = column.cards.at(-1);
      const [first] = sent;
      // The daemon is ahead of the stream, and more has left than overlaps: a part between would be missing. It is asked for again.
      if (!isFar && offset > 0 && first !== undefined && (last === undefined || orderOf(status)(last, first) < 0)) return;
      const newest = (card: Card): Card | null => {
        // It comes from another column: the stream takes it out there.
        if ((rows.get(card.id)?.status ?? status) !== status) return null;
        const changed = journal.get(card.id);
        if (changed === undefined) return card;
        return changed === null || changed.version >= card.version ? changed : card;
      };
      const before = column.cards.length;
      if (isFar) jumpTo(column, offset, sent.map(newest).filter((card) => card !== null && card.status === status) as Card[]);
      else addWindow(column, sent, newest);
      // What the stream brought meanwhile may be newer than this reply: its counts hold, and a gap is read again.
      const isBehind = journal.size > 0;
      column.count = isBehind && !hasConditions() ? column.total : count;
      column.isExact = isExact;
      if (isBehind && hasConditions()) needsRenewal.value += 1;
      // Nothing new although more is said to be there: what is loaded is all.
      if (!isFar && journal.size === 0 && column.cards.length === before && offset + sent.length <= before) column.count = Math.min(count, before);
      for (const card of [...column.cards, ...(column.far?.cards ?? [])]) {
        rows.set(card.id, card);
        showCard(card);
      }
      showColumn(status);
    }),
    fail: (message) => batch(() => {
      end();
      model.problem.value = message;
    }),
  };
}

/** The daemon's newest row of a card, from a reply or a view; shown if it is newer. */
export function learnCard(card: Card): void {
  const old = rows.get(card.id);
  if (old === undefined) {
    // An open task that no column has loaded: keys and the palette act on it too.
    if (!kept.peek().has(card.id) || card.board !== boardName.peek()) return;
    rows.set(card.id, card);
    showCard(card);
  } else if (old.version <= card.version && old.status === card.status) replaceRow(old, card);
}
