import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asRefusal, get, isAborted, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import type { Card, Run } from "../wire";
import { Diff } from "./Diff";
import type { OpenTask } from "./load";
import { Log } from "./Log";

interface LogProps {
  id: string;
  open: OpenTask;
  card: Card;
  run: number | null;
  onRun: (run: number) => void;
}

/** The log of a run. Its picker lists all runs: those of the timeline, or all of them when that does not reach back far enough. */
export function LogTab({ id, open, card, run, onRun }: LogProps) {
  const all = useSignal<Run[] | null>(null);
  const problem = useSignal<Refusal | null>(null);
  const fromTimeline = (open.timeline.value?.items ?? []).flatMap((item) => (item.type === "run" ? [item.run] : []));
  const isPart = open.timeline.value?.next != null && (fromTimeline.length < card.attempts || (card.run !== null && !fromTimeline.some((one) => one.id === card.run?.id)));
  useEffect(() => {
    if (!isPart) return;
    const ended = new AbortController();
    get<Run[]>(`/v1/tasks/${encodeURIComponent(id)}/runs`, {}, ended.signal).then(
      (runs) => (all.value = runs),
      (error: unknown) => {
        if (!isAborted(error)) problem.value = asRefusal(error);
      },
    );
    return () => ended.abort();
  }, [id, isPart]);
  const byId = new Map([...(all.value ?? []), ...fromTimeline].map((one) => [one.id, one]));
  const runs = [...byId.values()].sort((a, b) => b.id - a.id);
  return (
    <>
      {problem.value && <Problem refusal={problem.value} />}
      {isPart && all.value === null && problem.value === null ? <p class="empty-line" aria-busy="true">Loading…</p> : <Log task={id} runs={runs} run={run} onRun={onRun} />}
    </>
  );
}

export function DiffTab({ card, run, onNow }: { card: Card; run: number | null; onNow: () => void }) {
  return (
    <>
      {run !== null && <p class="diff-note">As run {run} left it. <button type="button" class="textlink" onClick={onNow}>Show what is there now</button></p>}
      <Diff card={card} run={run} />
    </>
  );
}
