// The rows of the inbox: read when somebody looks or wants to be notified, and again when the number of them changes.

import { effect, signal } from "@preact/signals";

import { asRefusal, get, type Refusal } from "../api";
import { facts, me } from "../state/board";
import { remembered } from "../state/remembered";
import { onDelta } from "../state/stream";
import { apart, type Attention } from "./rows";

/** What needs a person; with the switch, what needs this one. */
export const rows = signal<Attention[] | null>(null);
export const problem = signal<Refusal | null>(null);

/** Only tasks that this person has, has created or reviews. The browser keeps it. */
export const isOnlyMine = remembered("mine", false, (value: unknown): value is boolean => typeof value === "boolean");

const QUIET_MS = 250;
let watchers = 0;
let stop: (() => void) | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let reading: Promise<void> | null = null;
let isOld = false;

async function read(): Promise<void> {
  try {
    do {
      isOld = false;
      const name = isOnlyMine.peek() ? me.peek() : "";
      const list = apart(await get<Attention[]>("/v1/attention", name === "" ? {} : { name }));
      // The switch was moved meanwhile: these are rows of the other kind.
      if (name !== (isOnlyMine.peek() ? me.peek() : "")) isOld = true;
      else rows.value = list;
      problem.value = null;
    } while (isOld);
  } catch (error) {
    problem.value = asRefusal(error);
  } finally {
    reading = null;
  }
}

export function refetch(): Promise<void> {
  // Whose rows are meant is known with the first snapshot, which asks again.
  if (isOnlyMine.peek() && me.peek() === "") return Promise.resolve();
  clearTimeout(timer);
  timer = undefined;
  isOld = reading !== null;
  reading ??= read();
  return reading;
}

function refetchSoon(): void {
  timer ??= setTimeout(() => {
    timer = undefined;
    void refetch();
  }, QUIET_MS);
}

/** Keeps the rows fresh until the returned function is called. */
export function watchInbox(): () => void {
  watchers += 1;
  if (watchers === 1) {
    let last: string | null = null;
    let shown = isOnlyMine.peek() ? me.peek() : "";
    const ends = [
      effect(() => {
        const known = facts.value;
        // One row may come as another goes: the number alone does not tell.
        const now = known === null ? null : `${known.attention} ${known.changes}`;
        // What holds at first may be newer than the first read.
        if (now !== last) refetchSoon();
        last = now;
      }),
      effect(() => {
        const key = isOnlyMine.value ? me.value : "";
        if (key !== shown) void refetch();
        shown = key;
      }),
      // As many as before, but not the same: a task of a row has changed, or one waits for a person now.
      onDelta((delta) => {
        const named = new Set((rows.peek() ?? []).flatMap((row) => row.tasks.map((task) => task.id)));
        const waits = (status: string) => status === "blocked" || status === "review";
        if (delta.cards.some((card) => named.has(card.id) || waits(card.status)) || delta.gone.some((id) => named.has(id))) refetchSoon();
      }),
    ];
    stop = () => ends.forEach((end) => end());
    void refetch();
  }
  return () => {
    watchers -= 1;
    if (watchers === 0) {
      stop?.();
      stop = null;
      clearTimeout(timer);
      timer = undefined;
    }
  };
}
