import { Age } from "../parts/Age";
import { Html } from "../parts/Html";
import { bytes, duration, exactTime } from "../text";
import { now } from "../state/clock";
import type { Run } from "../wire";
import { outcomeWords, runFacts } from "./runWords";
import { plainText } from "./sgr";
import { Tree } from "./Tree";

interface Props {
  run: Run;
  summary: string | null;
  hasWorktree: boolean;
  onLog: (run: number) => void;
  onDiff: (run: number) => void;
}

/** A run as one block: how it came out, by whom, how long, with what. */
export function RunBlock({ run, summary, hasWorktree, onLog, onDiff }: Props) {
  const outcome = outcomeWords(run);
  const end = run.closed_at ?? run.ended_at;
  const metadata = run.metadata;
  const hasMetadata = metadata !== null && metadata !== undefined && (typeof metadata !== "object" || Object.keys(metadata).length > 0);
  const artifacts = Array.isArray(run["artifacts"]) ? (run["artifacts"] as { path: string; size_bytes?: number }[]) : [];

  return (
    <article class="run" data-outcome={outcome.tone} aria-label={`Run ${run.id}: ${outcome.words}`}>
      <header class="run-head">
        <span class={`run-sign is-${outcome.tone}`} aria-hidden="true">{outcome.sign}</span>
        <strong>{outcome.words}</strong>
        <span class="muted">run {run.id}{run["role"] === "review" ? ", review" : ""}{run.profile ? ` · ${run.profile}` : ""}</span>
        <span class="run-time" title={`${exactTime(run.started_at)}${end ? ` to ${exactTime(end)}` : ""}`}>
          {end ? duration(end - run.started_at) : <Age at={run.started_at} />}
        </span>
      </header>
      <p class="run-facts">{runFacts(run, now.peek()).map((fact) => <span key={fact}>{fact}</span>)}</p>
      {run.error && <pre class="run-error">{plainText(run.error)}</pre>}
      {summary ? <Html html={summary} /> : run.summary ? <p class="run-summary">{run.summary}</p> : null}
      {hasMetadata && <details class="run-part"><summary>Metadata</summary><Tree value={metadata} /></details>}
      {artifacts.length > 0 && (
        <details class="run-part">
          <summary>{artifacts.length === 1 ? "1 artifact" : `${artifacts.length} artifacts`}</summary>
          <ul class="files">{artifacts.map((one) => <li key={one.path} class="file"><span class="mono file-name">{one.path}</span>{typeof one.size_bytes === "number" && <span class="muted">{bytes(one.size_bytes)}</span>}</li>)}</ul>
        </details>
      )}
      <div class="run-buttons">
        <button type="button" class="button quiet small" onClick={() => onLog(run.id)}>Log</button>
        {hasWorktree && <button type="button" class="button quiet small" onClick={() => onDiff(run.id)}>Diff</button>}
      </div>
    </article>
  );
}
