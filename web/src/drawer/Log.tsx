import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { asRefusal, getText, isAborted, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import { watchLog } from "../state/stream";
import { bytes, moment, plural } from "../text";
import { now } from "../state/clock";
import type { Run } from "../wire";
import { findRanges, LogText } from "./logText";
import { isWrapped } from "./settings";

/** Bytes of a log that are read at first, and when more is asked for. */
const FIRST_BYTES = 1024 * 1024;
const MORE_BYTES = 8 * FIRST_BYTES;
const FOUND_MAX = 5000;

interface Props {
  task: string;
  /** Newest first. */
  runs: Run[];
  run: number | null;
  onRun: (run: number) => void;
}

export function Log({ task, runs, run, onRun }: Props) {
  const chosen = runs.find((one) => one.id === run) ?? runs[0];
  const isOpen = chosen !== undefined && chosen.closed_at === null;
  if (!chosen) return <p class="empty-line">No run yet, so there is no log.</p>;
  // A claim is work outside kanband, which sees none of its output.
  const hasLog = chosen["supervised"] !== false;
  const picker = (
    <select class="input log-run" aria-label="Run" value={String(chosen.id)} onChange={(event) => onRun(Number(event.currentTarget.value))}>
      {runs.map((one) => (
        <option key={one.id} value={String(one.id)}>
          Run {one.id} · {one.outcome ?? String(one["state"] ?? one.status)} · {moment(one.started_at, now.peek())}
        </option>
      ))}
    </select>
  );
  return (
    <div class="log">
      {hasLog ? <RunLog key={chosen.id} task={task} run={chosen} isOpen={isOpen}>{picker}</RunLog> : (
        <>
          <div class="log-bar">{picker}</div>
          <p class="empty-line">Work outside kanband: it has no log here.</p>
        </>
      )}
    </div>
  );
}

function RunLog({ task, run, isOpen, children }: { task: string; run: Run; isOpen: boolean; children: preact.ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const text = useRef<LogText | null>(null);
  const isFollowing = useSignal(true);
  const newLines = useSignal(0);
  const omitted = useSignal(0);
  const tail = useSignal(FIRST_BYTES);
  const isOver = useSignal(!isOpen);
  if (!isOpen && !isOver.peek()) isOver.value = true;
  const isEmpty = useSignal(true);
  const problem = useSignal<Refusal | null>(null);
  const attempt = useSignal(0);
  // A run that ends while its log is followed keeps its text and its place.
  const wasOpen = useRef(isOpen);

  const toEnd = () => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  };
  const append = (chunk: string) => {
    if (chunk === "" || !text.current) return;
    isEmpty.value = false;
    const added = text.current.push(chunk);
    if (!isFollowing.peek()) newLines.value += added;
  };

  useEffect(() => {
    const root = box.current?.firstElementChild;
    if (!(root instanceof HTMLElement)) return;
    const begin = () => {
      text.current = new LogText(root);
      newLines.value = 0;
      isEmpty.value = true;
    };
    begin();
    problem.value = null;
    if (wasOpen.current && tail.value === FIRST_BYTES) {
      return watchLog(task, run.id, (frame) => {
        if (frame === "again") {
          begin();
          omitted.value = 0;
          return;
        }
        omitted.value += frame.omitted;
        append(frame.text);
        if (frame.is_over) isOver.value = true;
      });
    }
    const ended = new AbortController();
    getText(`/v1/tasks/${encodeURIComponent(task)}/log`, { run: run.id, tail: tail.value }, ended.signal).then(
      (read) => {
        omitted.value = Number(read.headers.get("kanban-log-omitted-bytes") ?? 0);
        append(read.text);
      },
      (error: unknown) => {
        if (!isAborted(error)) problem.value = asRefusal(error);
      },
    );
    return () => ended.abort();
  }, [task, run.id, tail.value, attempt.value]);

  // The height of blocks is known only when they are laid out: the end moves while one goes there.
  useEffect(() => {
    const root = box.current?.firstElementChild;
    if (!root) return;
    const observer = new ResizeObserver(() => isFollowing.peek() && toEnd());
    observer.observe(root);
    return () => observer.disconnect();
  }, []);
  const lastTop = useRef(0);
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    if (element.scrollHeight - element.scrollTop - element.clientHeight < 24) {
      newLines.value = 0;
      isFollowing.value = true;
    } else if (element.scrollTop < lastTop.current) isFollowing.value = false;
    lastTop.current = element.scrollTop;
  };

  return (
    <>
      <div class="log-bar">
        {children}
        <Find root={box} />
        <label class="log-check"><input type="checkbox" checked={isWrapped.value} onChange={(event) => (isWrapped.value = event.currentTarget.checked)} /> Wrap</label>
        <a class="button quiet small" href={`/v1/tasks/${encodeURIComponent(task)}/log?run=${run.id}`} download={`${task}-run-${run.id}.log`}>Download</a>
      </div>
      {omitted.value > 0 && (
        <p class="log-note">
          {bytes(omitted.value)} before this {omitted.value === 1 ? "is" : "are"} not shown{tail.value < MORE_BYTES ? " " : ": not kept, or in the download."}
          {tail.value < MORE_BYTES && <button type="button" class="textlink" onClick={() => { isFollowing.value = false; tail.value = MORE_BYTES; }}>Show older output</button>}
        </p>
      )}
      {problem.value && (problem.value.code === "not_found" ? <p class="log-note">{problem.value.message}</p> : <Problem refusal={problem.value} retry={() => (attempt.value += 1)} />)}
      <div
        ref={box}
        class={`log-text${isWrapped.value ? " is-wrapped" : ""}`}
        role="log"
        aria-live="off"
        aria-label={`Log of run ${run.id}`}
        tabIndex={0}
        onScroll={onScroll}
      >
        <div />
      </div>
      {isEmpty.value && !problem.value && <p class="log-empty">{isOver.value ? "This run wrote nothing." : "No output yet."}</p>}
      <div class="log-foot">
        <span>{isOver.value ? "The run is over." : isFollowing.value ? "Following new output." : "Paused: scroll to the end to follow."}</span>
        {!isFollowing.value && (
          <button
            type="button"
            class="button small"
            onClick={() => {
              isFollowing.value = true;
              newLines.value = 0;
              toEnd();
            }}
          >
            ↓ {newLines.value > 0 ? plural(newLines.value, "new line") : "To the end"}
          </button>
        )}
      </div>
    </>
  );
}

/** Finds text in the log: all occurrences are marked without changing the document. */
function Find({ root }: { root: preact.RefObject<HTMLDivElement | null> }) {
  const words = useSignal("");
  const at = useSignal(0);
  const count = useSignal(0);
  const ranges = useRef<Range[]>([]);

  useEffect(() => () => mark([], -1), []);

  function search(wanted: string, step: number) {
    const element = root.current?.firstElementChild;
    if (!(element instanceof HTMLElement)) return;
    const isNew = wanted !== words.peek();
    words.value = wanted;
    ranges.current = findRanges(element, wanted, FOUND_MAX);
    count.value = ranges.current.length;
    at.value = isNew ? Math.max(0, count.value - 1) : count.value === 0 ? 0 : (at.peek() + step + count.value) % count.value;
    mark(ranges.current, at.value);
    const range = ranges.current[at.value];
    const box = root.current;
    if (!range || !box) return;
    // What lies in a block that is not laid out has no place of its own: its block is brought into view first.
    range.startContainer.parentElement?.scrollIntoView({ block: "nearest" });
    const place = range.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    if (place.top < frame.top || place.bottom > frame.bottom) box.scrollTop += place.top - frame.top - frame.height / 3;
    if (place.left < frame.left || place.right > frame.right) box.scrollLeft += place.left - frame.left - frame.width / 3;
  }

  return (
    <div class="log-find" role="search">
      <input
        class="input"
        type="search"
        placeholder="Find…"
        aria-label="Find in the log"
        onInput={(event) => search(event.currentTarget.value, 0)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            search(event.currentTarget.value, event.shiftKey ? -1 : 1);
          }
        }}
      />
      <span class="log-found" aria-live="polite">{words.value === "" ? "" : count.value === 0 ? "none" : `${at.value + 1} of ${count.value}${count.value === FOUND_MAX ? "+" : ""}`}</span>
    </div>
  );
}

function mark(all: Range[], current: number) {
  if (typeof Highlight === "undefined" || !("highlights" in CSS)) return;
  CSS.highlights.set("log-found", new Highlight(...all.filter((_, index) => index !== current)));
  const one = all[current];
  CSS.highlights.set("log-current", one ? new Highlight(one) : new Highlight());
}
