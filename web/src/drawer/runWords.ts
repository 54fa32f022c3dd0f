// A run in words.

import { bytes, duration, moment } from "../text";
import type { Run } from "../wire";

export type Tone = "good" | "bad" | "live" | "plain";
export interface OutcomeWords { words: string; sign: string; tone: Tone }

const OUTCOMES: Record<string, OutcomeWords> = {
  completed: { words: "Completed", sign: "✓", tone: "good" },
  blocked: { words: "Asked for a person", sign: "■", tone: "plain" },
  crashed: { words: "Crashed", sign: "✕", tone: "bad" },
  oom: { words: "Ran out of memory", sign: "✕", tone: "bad" },
  timed_out: { words: "Ran out of time", sign: "✕", tone: "bad" },
  spawn_failed: { words: "Could not be started", sign: "✕", tone: "bad" },
  protocol_violation: { words: "Ended without a verdict", sign: "✕", tone: "bad" },
  rate_limited: { words: "Reached a rate limit", sign: "◷", tone: "plain" },
  stopped: { words: "Stopped by a person", sign: "▪", tone: "plain" },
  reclaimed: { words: "Reclaimed", sign: "▪", tone: "plain" },
  lost: { words: "Lost with its host", sign: "✕", tone: "bad" },
  gave_up: { words: "Gave up", sign: "✕", tone: "bad" },
};

const LIVE: Record<string, string> = {
  starting: "Starting", running: "Running", finishing: "Finishing", stopping: "Stopping", unkillable: "Cannot be killed", claimed: "Claimed outside",
};

export function outcomeWords(run: Run): OutcomeWords {
  if (run["review_verdict"] === "approved") return { words: "Approved", sign: "✓", tone: "good" };
  if (run["review_verdict"] === "changes_requested") return { words: "Changes requested", sign: "↺", tone: "plain" };
  if (run.outcome) return OUTCOMES[run.outcome] ?? { words: run.outcome.replaceAll("_", " "), sign: "•", tone: "plain" };
  const state = String(run["state"] ?? run.status);
  return { words: LIVE[state] ?? state, sign: "●", tone: state === "unkillable" ? "bad" : "live" };
}

export function runFacts(run: Run, now: number): string[] {
  const facts = [`started ${moment(run.started_at, now)}`];
  const number = (name: string): number | null => (typeof run[name] === "number" ? (run[name] as number) : null);
  const [exit, signal, memory, cpu, retry] = [number("exit_code"), number("signal"), number("memory_peak_bytes") ?? number("max_rss_bytes"), number("cpu_ms"), number("retry_at")];
  if (exit !== null) facts.push(`exit ${exit}`);
  if (signal !== null) facts.push(`signal ${signal}`);
  if (memory !== null) facts.push(`${bytes(memory)} at most`);
  if (cpu !== null) facts.push(`${duration(cpu / 1000)} of CPU`);
  if (typeof run["cause"] === "string" && run["cause"] !== run.outcome) facts.push(String(run["cause"]).replaceAll("_", " "));
  if (typeof run["model"] === "string") facts.push(run["model"]);
  const by = run["verdict_by"];
  // Its own word goes without saying.
  if (typeof by === "string" && by !== `run:${run.id}`) facts.push(`verdict by ${by.replace(/^run:/, "run ").replace(/^kanband:.*/, "kanband")}`);
  if (number("resumed_run_id") !== null) facts.push(`resumes run ${number("resumed_run_id")}`);
  if (retry !== null && retry > now) facts.push(`again ${moment(retry, now)}`);
  return facts;
}
