import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, post, type Refusal } from "../api";
import { announce } from "../dialog";
import { Html } from "../parts/Html";
import { Problem } from "../parts/Problem";
import { exactTime, initials, hueOf } from "../text";
import { canWrite } from "../state/status";
import type { TimelineItem } from "../wire";
import type { OpenTask } from "./load";
import { RunBlock } from "./RunBlock";
import { rows, type Row, type TimelineFilter } from "./timeline";

const FILTERS: { id: TimelineFilter; label: string }[] = [
  { id: "all", label: "All" },
  { id: "people", label: "People" },
  { id: "runs", label: "Runs" },
];

/** Comments that were begun, by task. */
const drafts = new Map<string, string>();

interface Props {
  open: OpenTask;
  hasWorktree: boolean;
  onLog: (run: number) => void;
  onDiff: (run: number) => void;
}

/** Runs, comments and events of the task, newest last, with a box for a comment at the end. */
export function Timeline({ open, hasWorktree, onLog, onDiff }: Props) {
  const filter = useSignal<TimelineFilter>("all");
  const loaded = open.timeline.value;
  const list = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  useKeptPlace(list, isAtEnd, [loaded, filter.value]);
  const shown = rows(loaded?.items ?? [], filter.value);
  return (
    <div class="timeline">
      <div class="timeline-filters" role="group" aria-label="What is shown">
        {FILTERS.map(({ id, label }) => (
          <button key={id} type="button" class="button quiet small" aria-pressed={filter.value === id} onClick={() => (filter.value = id)}>{label}</button>
        ))}
      </div>
      {loaded?.next != null && (
        <button type="button" class="button quiet small" disabled={open.isLoadingOlder.value} onClick={() => void open.loadOlder()}>
          {open.isLoadingOlder.value ? "Loading…" : "Show older"}
        </button>
      )}
      {open.olderProblem.value && <Problem refusal={open.olderProblem.value} retry={() => void open.loadOlder()} />}
      <ol ref={list} class="timeline-rows" role="list">
        {shown.map((row) => (row.type === "day" ? <Day key={row.key} at={row.at} /> : <Item key={row.key} row={row} hasWorktree={hasWorktree} onLog={onLog} onDiff={onDiff} />))}
      </ol>
      {shown.length === 0 && <p class="empty-line">{filter.value === "all" ? "Nothing has happened yet." : "Nothing of this kind yet."}</p>}
      <CommentBox task={open.id} onSent={() => { isAtEnd.current = true; void open.refetch(); }} />
    </div>
  );
}

/** Older rows above leave what is read where it is; newer ones below are followed only from the end. */
function useKeptPlace(list: { current: HTMLElement | null }, isAtEnd: { current: boolean }, changes: unknown[]) {
  const first = useRef<{ key: Element; top: number } | null>(null);
  useEffect(() => {
    const box = list.current?.closest<HTMLElement>(".drawer-panel");
    if (!box) return;
    const note = () => {
      isAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      const row = list.current?.firstElementChild?.nextElementSibling;
      first.current = row ? { key: row, top: row.getBoundingClientRect().top } : null;
    };
    box.addEventListener("scroll", note, { passive: true });
    return () => box.removeEventListener("scroll", note);
  }, []);
  useLayoutEffect(() => {
    const box = list.current?.closest<HTMLElement>(".drawer-panel");
    if (!box) return;
    if (isAtEnd.current) box.scrollTop = box.scrollHeight;
    else if (first.current?.key.isConnected) box.scrollTop += first.current.key.getBoundingClientRect().top - first.current.top;
  }, changes);
}

function Day({ at }: { at: number }) {
  const text = new Date(at * 1000).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  return <li class="timeline-day"><span>{text}</span></li>;
}

interface ItemProps {
  row: Extract<Row, { type: "item" }>;
  hasWorktree: boolean;
  onLog: (run: number) => void;
  onDiff: (run: number) => void;
}

function Item({ row, hasWorktree, onLog, onDiff }: ItemProps) {
  const { item } = row;
  if (item.type === "run") {
    return <li class="timeline-run"><RunBlock run={item.run} summary={item.summary_html} hasWorktree={hasWorktree} onLog={onLog} onDiff={onDiff} /></li>;
  }
  if (item.type === "comment") {
    return (
      <li class="comment">
        <span class="comment-sign assignee" data-hue={hueOf(item.author)} aria-hidden="true"><span class="initials">{initials(item.author)}</span></span>
        <div class="comment-body">
          <p class="comment-head"><strong>{item.author}</strong> <Clock at={item.at} />{item.run_id !== null && <span class="muted"> in run {item.run_id}</span>}</p>
          <Html html={item.html} />
        </div>
      </li>
    );
  }
  return <Event item={item} count={row.count} />;
}

function Event({ item, count }: { item: Extract<TimelineItem, { type: "event" }>; count: number }) {
  const said = item.kind === "heartbeat" && count > 1 ? `gave ${count} signs of life${item.text ? `; the last: ${item.text}` : ""}` : item.text || item.kind.replaceAll("_", " ");
  const actor = item.actor.startsWith("kanband:") ? "kanband" : item.actor.replace(/^run:/, "run ");
  return (
    <li class="event" data-kind={item.kind}>
      <Clock at={item.at} />
      <span class="event-text"><span class="muted">{actor}</span> {said}</span>
    </li>
  );
}

function Clock({ at }: { at: number }) {
  const date = new Date(at * 1000);
  return <time class="clock" dateTime={date.toISOString()} title={exactTime(at)}>{date.getHours()}:{String(date.getMinutes()).padStart(2, "0")}</time>;
}

function CommentBox({ task, onSent }: { task: string; onSent: () => void }) {
  const text = useSignal(drafts.get(task) ?? "");
  const isBusy = useSignal(false);
  const problem = useSignal<Refusal | null>(null);

  async function send() {
    if (isBusy.value || !canWrite.peek() || text.value.trim() === "") return;
    isBusy.value = true;
    problem.value = null;
    try {
      await post(`/v1/tasks/${encodeURIComponent(task)}/comment`, { body: text.value });
      text.value = "";
      drafts.delete(task);
      announce("Comment added.");
      onSent();
    } catch (error) {
      problem.value = asRefusal(error);
    } finally {
      isBusy.value = false;
    }
  }

  return (
    <form
      class="comment-box"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        class="input"
        rows={2}
        aria-label="Comment"
        placeholder="Comment… the next worker reads it"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          drafts.set(task, text.value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            void send();
          }
        }}
      />
      <div class="row">
        <button type="submit" class="button" disabled={isBusy.value || !canWrite.value || text.value.trim() === ""}>Comment</button>
        <span class="meta">Ctrl Enter sends</span>
      </div>
      {problem.value && <Problem refusal={problem.value} />}
    </form>
  );
}
