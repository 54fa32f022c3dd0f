import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { TaskPicker } from "../drawer/TaskPicker";
import { Problem } from "../parts/Problem";
import { StatusSign } from "../parts/StatusMark";
import { onDelta } from "../state/stream";
import { isPhone } from "../shell/screen";
import { go, openTask, view } from "../state/view";
import { plural, statusWords } from "../text";
import type { Graph as TaskGraph } from "../wire";
import { edgePath, layout, NODE_HEIGHT, NODE_WIDTH, step } from "./layout";
import { useRead } from "./read";
import "./pages.css";

const TASKS_MAX = 200;
const QUIET_MS = 400;
const ZOOM_MIN = 0.3;
const ZOOM_MAX = 1.5;

/** What a task waits for and what waits for it, as far as it goes. */
export function Graph() {
  // The task that is open when the page is entered; opening another one in the drawer leaves the graph where it is.
  const root = useSignal<string | null>(view.peek().task);
  useEffect(() => {
    // On a phone the task would lie over its graph.
    if (isPhone.peek() && root.peek() !== null) go({ task: null }, { replace: true });
  }, []);
  return (
    <section class="page graph-page" aria-labelledby="graph-title">
      <header class="page-head">
        <h1 id="graph-title">Graph</h1>
        {root.value && view.value.task && view.value.task !== root.value && (
          <button type="button" class="button small" onClick={() => (root.value = view.value.task)}>Show that of the open task</button>
        )}
        {root.value && <button type="button" class="button quiet small" onClick={() => (root.value = null)}>Another task…</button>}
      </header>
      {root.value ? <Tree key={root.value} root={root.value} /> : (
        <div class="graph-choose">
          <p class="muted">Which task? The graph shows what it waits for, what waits for it, and so on.</p>
          <TaskPicker board={view.value.board} label="Task" placeholder="Words of the task, or its id…" without={new Set()} onPick={(task) => { root.value = task.id; openTask(task.id); }} onLeave={() => undefined} />
        </div>
      )}
    </section>
  );
}

function Tree({ root }: { root: string }) {
  const { value, problem, again } = useRead<TaskGraph>(`/v1/tasks/${encodeURIComponent(root)}/graph`, { limit: TASKS_MAX });
  const place = useComputed(() => (value.value ? layout(value.value) : null));
  const at = useSignal(root);
  const zoom = useSignal(1);
  const box = useRef<HTMLDivElement>(null);
  const graph = value.value;
  const shown = place.value;

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = onDelta((delta) => {
      const ids = new Set((value.peek()?.nodes ?? []).map((node) => node.id));
      if (!delta.cards.some((card) => ids.has(card.id)) && !delta.gone.some((id) => ids.has(id))) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        again();
      }, QUIET_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [root]);
  // The root is what one looks for first.
  useLayoutEffect(() => {
    if (shown) box.current?.querySelector(`[data-node="${CSS.escape(root)}"]`)?.scrollIntoView({ block: "center", inline: "center" });
  }, [shown !== null]);

  if (problem.value) return <Problem refusal={problem.value} retry={again} />;
  if (!graph || !shown) return <p class="empty-line" aria-busy="true">Loading…</p>;

  const focused = shown.nodes.has(at.value) ? at.value : root;
  const near = new Set(graph.edges.flatMap(([from, to]) => (from === focused || to === focused ? [from, to] : [])));
  const fit = () => {
    const element = box.current;
    if (element) zoom.value = Math.max(ZOOM_MIN, Math.min(1, (element.clientWidth - 8) / shown.width, (element.clientHeight - 8) / shown.height));
  };
  return (
    <>
      <div class="graph-bar">
        <span class="muted">{plural(graph.nodes.length, "task")}, {plural(graph.edges.length, "dependency", "dependencies")}{graph.left_out > 0 && `; ${graph.left_out} more are left out`}</span>
        <span class="spread" />
        <button type="button" class="button quiet small icon" aria-label="Smaller" onClick={() => (zoom.value = Math.max(ZOOM_MIN, zoom.value / 1.2))}>−</button>
        <button type="button" class="button quiet small" onClick={fit}>Fit</button>
        <button type="button" class="button quiet small" title="Natural size" onClick={() => (zoom.value = 1)}>{Math.round(zoom.value * 100)} %</button>
        <button type="button" class="button quiet small icon" aria-label="Larger" onClick={() => (zoom.value = Math.min(ZOOM_MAX, zoom.value * 1.2))}>+</button>
      </div>
      <div
        ref={box}
        class="graph-box"
        data-keys="graph"
        role="group"
        aria-label="Dependencies, from what comes first on the left. Arrow keys go along them."
        onKeyDown={(event) => {
          const next = step(graph, shown, focused, event.key);
          if (next === null) return;
          event.preventDefault();
          event.stopPropagation();
          at.value = next;
          const node = box.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`);
          node?.focus({ preventScroll: true });
          node?.scrollIntoView({ block: "nearest", inline: "nearest" });
        }}
      >
        <div class="graph-sheet" style={{ width: `${shown.width * zoom.value}px`, height: `${shown.height * zoom.value}px` }}>
          <div class="graph-scaled" style={{ width: `${shown.width}px`, height: `${shown.height}px`, transform: `scale(${zoom.value})` }}>
            <svg class="graph-edges" width={shown.width} height={shown.height} aria-hidden="true">
              {graph.edges.map(([from, to]) => {
                const [a, b] = [shown.nodes.get(from), shown.nodes.get(to)];
                return a && b ? <path key={`${from}-${to}`} class={from === focused || to === focused ? "is-near" : ""} d={edgePath(a, b)} /> : null;
              })}
            </svg>
            {graph.nodes.map((node) => {
              const where = shown.nodes.get(node.id);
              if (!where) return null;
              const state = `${node.id === root ? " is-root" : ""}${node.id === view.value.task ? " is-open" : ""}${near.has(node.id) ? " is-near" : ""}`;
              return (
                <a
                  key={node.id}
                  class={`graph-node${state}`}
                  data-node={node.id}
                  data-status={node.status}
                  href={`?view=graph&task=${encodeURIComponent(node.id)}`}
                  tabIndex={node.id === focused ? 0 : -1}
                  aria-label={`${node.title}, ${statusWords(node.status).word}${node.assignee ? `, ${node.assignee}` : ""}${relations(graph, node.id)}`}
                  style={{ left: `${where.x}px`, top: `${where.y}px`, width: `${NODE_WIDTH}px`, height: `${NODE_HEIGHT}px` }}
                  onFocus={() => (at.value = node.id)}
                  onClick={(event) => {
                    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                    event.preventDefault();
                    at.value = node.id;
                    openTask(node.id);
                  }}
                >
                  <span class="status" data-status={node.status}><StatusSign status={node.status} /></span>
                  <span class="graph-title">{node.title}</span>
                </a>
              );
            })}
          </div>
        </div>
      </div>
    </>
  );
}

/** "waits for 2, 1 waits for it": what the lines say. */
function relations(graph: TaskGraph, id: string): string {
  const before = graph.edges.filter(([, to]) => to === id).length;
  const after = graph.edges.filter(([from]) => from === id).length;
  return `${before > 0 ? `, waits for ${before}` : ""}${after > 0 ? `, waited for by ${after}` : ""}`;
}
