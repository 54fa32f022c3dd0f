import { useMemo } from "preact/hooks";
import { useSignal } from "@preact/signals";
import "uplot/dist/uPlot.min.css";

import { Problem } from "../parts/Problem";
import { facts } from "../state/board";
import { view } from "../state/view";
import { duration, plural } from "../text";
import type { History } from "../wire";
import { Plot, type Series } from "./Plot";
import { useRead } from "./read";
import { failures, points, type Point } from "./series";
import { outcomeWords } from "../drawer/runWords";
import "./pages.css";

const HOUR = 3600;
const RANGES = [
  { id: "day", label: "24 hours", seconds: 24 * HOUR, step: HOUR },
  { id: "week", label: "7 days", seconds: 7 * 24 * HOUR, step: 6 * HOUR },
  { id: "month", label: "30 days", seconds: 30 * 24 * HOUR, step: 24 * HOUR },
  { id: "quarter", label: "90 days", seconds: 90 * 24 * HOUR, step: 72 * HOUR },
] as const;

/** How the board does over time: what came out, how long it took and waited, what failed, and how full the slots were. */
export function Statistics() {
  const range = useSignal<(typeof RANGES)[number]>(RANGES[0]);
  const profile = useSignal<string>("");
  const from = useSignal(0);
  const { seconds, step } = range.value;
  // Rows are by the hour: the last step ends with the hour that runs.
  const to = useMemo(() => (Math.floor(Date.now() / 1000 / HOUR) + 1) * HOUR, [range.value, from.value]);
  const { value, problem, again } = useRead<History>("/v1/history", { board: view.value.board, from: to - seconds, to, step_seconds: step });
  const history = value.value;
  const list = useMemo(() => (history ? points(history, profile.value === "" ? null : profile.value) : null), [history, profile.value]);
  const profiles = useMemo(() => [...new Set((history?.rows ?? []).flatMap((row) => row.profile ?? []))].sort(), [history]);
  return (
    <section class="page" aria-labelledby="statistics-title">
      <header class="page-head">
        <h1 id="statistics-title">Statistics</h1>
        <div class="segments" role="group" aria-label="Time">
          {RANGES.map((one) => <button key={one.id} type="button" class="button quiet small" aria-pressed={one === range.value} onClick={() => (range.value = one)}>{one.label}</button>)}
        </div>
        <select class="input page-select" aria-label="Profile" value={profile.value} onChange={(event) => (profile.value = event.currentTarget.value)}>
          <option value="">All profiles</option>
          {profiles.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <button type="button" class="button quiet small" onClick={() => { from.value += 1; again(); }}>Read again</button>
      </header>
      {problem.value && <Problem refusal={problem.value} retry={again} />}
      {!list && !problem.value && <p class="empty-line" aria-busy="true">Loading…</p>}
      {list && <Plots list={list} step={step} />}
    </section>
  );
}

const FAILURE_COLOURS = ["--status-blocked", "--status-triage", "--status-ready", "--status-scheduled", "--status-todo"];

function Plots({ list, step }: { list: Point[]; step: number }) {
  const plots = useMemo(() => {
    const times = list.map((point) => point.at);
    const line = (label: string, colour: string, of: (point: Point) => number | null, more: Partial<Series> = {}): Series => ({ label, colour, values: list.map(of), ...more });
    const causes = failures(list);
    const named = causes.slice(0, FAILURE_COLOURS.length);
    return {
      times, causes,
      throughput: [line("done", "--status-running", (point) => point.done), line("failed", "--status-blocked", (point) => point.failed, { isDashed: true })],
      cycle: [line("half of them", "--status-done", (point) => point.cycleHalf), line("nine of ten", "--status-triage", (point) => point.cycleMost, { isDashed: true })],
      queue: [line("half of them", "--status-ready", (point) => point.queueHalf), line("nine of ten", "--status-scheduled", (point) => point.queueMost, { isDashed: true })],
      failed: named.map(({ outcome }, index) => line(causeWords(outcome), FAILURE_COLOURS[index] ?? "--muted", (point) => point.finished[outcome] ?? 0, { isDashed: index % 2 === 1 })),
      slots: [line("slots in use", "--accent", (point) => point.slots)],
    };
  }, [list]);
  const sum = (of: (point: Point) => number) => list.reduce((total, point) => total + of(point), 0);
  const [done, failed] = [sum((point) => point.done), sum((point) => point.failed)];
  const slots = list.length === 0 ? 0 : sum((point) => point.slots) / list.length;
  const most = facts.value?.max_running;
  const count = (value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(value < 1 ? 2 : 1));
  return (
    <div class="plots">
      <Plot title="Throughput" summary={`${plural(done, "run")} done, ${failed} failed${done + failed > 0 ? ` (${Math.round((100 * failed) / (done + failed))} %)` : ""}; one point is ${duration(step)}.`} times={plots.times} series={plots.throughput} print={count} unit="count" />
      <Plot title="Cycle time" summary={timeSummary(list, "cycle", "from start to verdict")} times={plots.times} series={plots.cycle} print={duration} unit="seconds" />
      <Plot title="Queue age" summary={timeSummary(list, "queue", "from ready to start")} times={plots.times} series={plots.queue} print={duration} unit="seconds" />
      <Plot title="Failures by cause" summary={plots.causes.length === 0 ? "No run failed." : `${plots.causes.map(({ outcome, count: times }) => `${causeWords(outcome)} ${times}`).join(", ")}.`} times={plots.times} series={plots.failed} print={count} unit="count" />
      <Plot title="Slots" summary={`${slots.toFixed(1)} in use on average${most !== undefined ? ` of ${most}` : ""}.`} times={plots.times} series={plots.slots} print={count} unit="share" />
    </div>
  );
}

function causeWords(outcome: string): string {
  return outcomeWords({ outcome, status: "ended" } as never).words.toLowerCase();
}

function timeSummary(list: Point[], which: "cycle" | "queue", words: string): string {
  const values = list.flatMap((point) => (which === "cycle" ? point.cycleHalf : point.queueHalf) ?? []).sort((a, b) => a - b);
  const middle = values[Math.floor(values.length / 2)];
  return middle === undefined ? `Nothing to measure ${words}.` : `Typically ${duration(middle)} ${words}.`;
}
