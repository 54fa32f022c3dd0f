// What the drawer knows of its task: one read of the view, and again when the stream names the task.

import { signal, type Signal } from "@preact/signals";

import { asRefusal, get, isAborted, type Refusal } from "../api";
import { learnCard } from "../state/board";
import type { Delta, TaskView, TimelinePage } from "../wire";
import { staleRuns, withNewest, withOlder, type Loaded } from "./timeline";

/** Changes that come close together cost one read. */
const QUIET_MS = 250;

export interface OpenTask {
  readonly id: string;
  readonly view: Signal<TaskView | null>;
  readonly timeline: Signal<Loaded | null>;
  readonly problem: Signal<Refusal | null>;
  readonly olderProblem: Signal<Refusal | null>;
  readonly isLoadingOlder: Signal<boolean>;
  /** Reads the view now; what is shown stays until it is there. */
  refetch(): Promise<void>;
  loadOlder(): Promise<void>;
  /** Reads the view a moment later, once for all that ask for it till then. */
  refetchSoon(): void;
  /** Hears of a change; reads again when it is about this task or its neighbours. */
  hear(delta: Delta): void;
  close(): void;
}

export function loadTask(id: string): OpenTask {
  const view = signal<TaskView | null>(null);
  const timeline = signal<Loaded | null>(null);
  const problem = signal<Refusal | null>(null);
  const olderProblem = signal<Refusal | null>(null);
  const isLoadingOlder = signal(false);
  const ended = new AbortController();
  const path = `/v1/tasks/${encodeURIComponent(id)}`;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading: Promise<void> | null = null;
  let isOld = false;

  async function read(): Promise<void> {
    try {
      do {
        isOld = false;
        const next = await get<TaskView>(`${path}/view`, {}, ended.signal);
        view.value = next;
        learnCard(next.card);
        timeline.value = await repaired(withNewest(timeline.peek(), next.timeline), next);
        problem.value = null;
      } while (isOld && !ended.signal.aborted);
    } catch (error) {
      if (!isAborted(error)) problem.value = asRefusal(error);
    } finally {
      reading = null;
    }
  }

  /** An older page that holds a run as open which has ended is read again: only the newest page comes with the view. */
  async function repaired(loaded: Loaded, next: TaskView): Promise<Loaded> {
    if (staleRuns(loaded, next.card.run?.id ?? null).length === 0) return loaded;
    return { items: [...next.timeline.items], next: next.timeline.next };
  }

  const refetch = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    isOld = reading !== null;
    reading ??= read();
    return reading;
  };

  const refetchSoon = (): void => {
    // The first change of a burst sets the time: a task that changes all the while is read again and again, but not more often.
    timer ??= setTimeout(() => {
      timer = undefined;
      void refetch();
    }, QUIET_MS);
  };

  return {
    id, view, timeline, problem, olderProblem, isLoadingOlder, refetch, refetchSoon,
    async loadOlder() {
      const before = timeline.peek()?.next;
      if (!before || isLoadingOlder.peek()) return;
      isLoadingOlder.value = true;
      olderProblem.value = null;
      try {
        const page = await get<TimelinePage>(`${path}/timeline`, { before, limit: 50 }, ended.signal);
        const now = timeline.peek();
        // A newer view may have replaced what this page belongs before.
        if (now && now.next === before) timeline.value = withOlder(now, page);
      } catch (error) {
        if (!isAborted(error)) olderProblem.value = asRefusal(error);
      } finally {
        isLoadingOlder.value = false;
      }
    },
    hear(delta) {
      const shown = view.peek();
      const near = new Set([id, ...(shown?.parents ?? []).map((one) => one.id), ...(shown?.children ?? []).map((one) => one.id)]);
      if (!delta.cards.some((card) => near.has(card.id)) && !delta.gone.some((gone) => near.has(gone))) return;
      refetchSoon();
    },
    close() {
      clearTimeout(timer);
      ended.abort();
    },
  };
}
