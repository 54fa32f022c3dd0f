// Which columns are open. A person's choice counts; else a column that has nothing when the board opens is folded, if it is one that
// many boards do not use; its first card opens it, and then it stays open.
import { computed } from "@preact/signals";
import { isPhone } from "../shell/screen";
import { boardName, isFirstLoad, modelOf, statuses } from "../state/board";
import type { Status } from "../wire";
import { remembered } from "../state/remembered";
import { folds } from "./settings";

/** Columns that fold by themselves while a board has nothing in them, decided when the board opens. */
const QUIET: ReadonlySet<Status> = new Set(["triage", "todo", "scheduled", "review", "archived"]);
const isQuiets = (value: unknown): value is Record<string, Status[]> => typeof value === "object" && value !== null && !Array.isArray(value);
/** What was folded so last time: the columns stand where they will stand before the first snapshot has come. */
const lastQuiet = remembered<Record<string, Status[]>>("quiet", {}, isQuiets);
const quiet_of = new Map<string, Set<Status>>();

function quietOf(board: string): ReadonlySet<Status> {
  const known = quiet_of.get(board);
  if (known !== undefined) {
    for (const status of known) if (modelOf(status).total.value > 0) known.delete(status);
    return known;
  }
  if (isFirstLoad.peek()) return new Set(lastQuiet.peek()[board] ?? []);
  const found = new Set([...QUIET].filter((status) => modelOf(status).total.value === 0));
  quiet_of.set(board, found);
  queueMicrotask(() => {
    lastQuiet.value = { ...lastQuiet.peek(), [board]: [...found] };
  });
  return found;
}

export const foldedStatuses = computed<ReadonlySet<Status>>(() => {
  const board = boardName.value;
  void isFirstLoad.value;
  const chosen = folds.value[board] ?? {};
  const quiet = quietOf(board);
  return new Set(statuses.value.filter((status) => chosen[status] ?? quiet.has(status)));
});

/** Columns that are open, from left to right. */
export const openStatuses = computed<readonly Status[]>(() => statuses.value.filter((status) => isPhone.value || !foldedStatuses.value.has(status)));
