// A column: its head, and a window on its cards. Rows that are not loaded yet are grey blocks; seeing one loads the next part.
import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Problem, StatusSign } from "../parts";
import { cards, isFirstLoad, modelOf } from "../state/board";
import { loadMore } from "../state/load";
import { hasFilter } from "../state/url";
import { clearFilter } from "../state/filters";
import { view } from "../state/view";
import { statusWords } from "../text";
import type { Status } from "../wire";
import { CardItem } from "./Card";
import { ColumnHead } from "./ColumnHead";
import { columnScroll, columnTarget, drag, over, refusalOf } from "./drag";
import { registerColumn, tabStopOf } from "./focus";
import { layRows, type Row } from "./rows";
import { QuickCreate } from "./QuickCreate";
import { CARD_PX, density, GAP_PX, setFold } from "./settings";
import { useWindow } from "./window";

const LANE_PX = 28;
/** Rows that a window asks for, and how near the end of what is loaded it does. */
const WINDOW_ROWS = 60;
const NEAR_END = 14;
const RENEWAL_MS = 300;

export function Column({ status, isFolded }: { status: Status; isFolded: boolean }) {
  return isFolded ? <Spine status={status} /> : <OpenColumn status={status} />;
}

function dropState(status: Status): string {
  const current = drag.value;
  if (current === null) return "none";
  if (current.from.size === 1 && current.from.has(status)) return "home";
  if (current.allowed.has(status)) return over.value === status ? "over" : "open";
  return "shut";
}

/** A folded column: its name and number, and still a place to drop on. */
function Spine({ status }: { status: Status }) {
  const box = useRef<HTMLElement>(null);
  const model = modelOf(status);
  const words = statusWords(status);
  const state = useComputed(() => dropState(status));
  useEffect(() => (box.current === null ? undefined : columnTarget(box.current, status)), [status]);
  return (
    <section ref={box} class="spine" data-status={status} data-drop={state.value}>
      <button type="button" class="spine-button" aria-expanded="false" title={`${words.word}: ${model.count.value}. Open the column`} onClick={() => setFold(status, false)}>
        <StatusSign status={status} />
        <span class="count">{model.count.value}</span>
        <span class="spine-name">{words.word}</span>
      </button>
    </section>
  );
}

function OpenColumn({ status }: { status: Status }) {
  const box = useRef<HTMLElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const model = modelOf(status);
  const ids = model.ids.value;
  const count = model.count.value;
  const hasLanes = status === "running" && view.value.lanes;
  const gap = model.gap.value;
  const rows = useMemo(() => layRows(ids, count, gap, hasLanes ? (id) => cards.get(id)?.value.run?.profile ?? cards.get(id)?.value.assignee ?? null : null), [ids, count, gap, hasLanes]);
  const card_px = CARD_PX[density.value];
  const isCompact = density.value === "compact";
  const layout = useWindow(
    {
      scroller,
      count: rows.length,
      size: (index) => (rows[index]?.kind === "lane" ? LANE_PX : card_px),
      gap_px: GAP_PX[density.value],
      padding_px: 4,
      overscan: isCompact ? 1 : 2,
    },
    `${density.value} ${hasLanes ? rows.map((row) => row.kind[0]).join("") : ""}`,
  );
  const state = useComputed(() => dropState(status));
  useEffect(() => {
    if (box.current === null || scroller.current === null) return undefined;
    const ends = [columnTarget(box.current, status), columnScroll(scroller.current)];
    return () => ends.forEach((end) => end());
  }, [status]);
  useLayoutEffect(() => registerColumn(status, (index) => layout.scrollTo(rows.findIndex((row) => row.kind === "card" && row.id === ids[index]))));
  const wish = wishOf(rows, layout.items, ids.length, gap);
  const isLoading = model.isLoading.value;
  const problem = model.problem.value;
  useEffect(() => {
    if (wish !== null && !isLoading && problem === null) void loadMore(status, WINDOW_ROWS, wish === "next" ? null : wish);
  }, [wish, isLoading, problem, ids.length]);
  const isFarOld = gap?.isOld === true && !isLoading;
  useEffect(() => {
    if (gap === null || !isFarOld) return undefined;
    const timer = setTimeout(() => void loadMore(status, Math.max(WINDOW_ROWS, ids.length - gap.at), gap.at + gap.size), RENEWAL_MS);
    return () => clearTimeout(timer);
  }, [isFarOld, gap]);
  const first_visible = layout.items.find((item) => item.end > (scroller.current?.scrollTop ?? 0) && rows[item.index]?.kind === "card");
  const mounted = layout.items.map((item) => rows[item.index]).filter((row) => row?.kind === "card").map((row) => (row as Row & { kind: "card" }).id);
  const first_row = first_visible === undefined ? undefined : rows[first_visible.index];
  const tab_stop = tabStopOf(status, mounted) ?? (first_row?.kind === "card" ? first_row.id : mounted[0]);
  const title_id = `column-${status}`;
  return (
    <section ref={box} class="column" data-status={status} data-drop={state.value} aria-labelledby={title_id}>
      <ColumnHead status={status} title_id={title_id} />
      <QuickCreate status={status} />
      <div ref={scroller} class="column-scroll">
        <ul class="column-list quiet-list" role="list" aria-labelledby={title_id} style={{ height: `${layout.total_px}px` }}>
          {layout.items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            if (row.kind === "card") return <CardItem key={row.id} id={row.id} start_px={item.start} position={row.index + 1} size={count} isTabStop={row.id === tab_stop} />;
            if (row.kind === "lane") return <li key={`lane ${row.name}`} class="lane" style={{ transform: `translateY(${item.start}px)` }}><b class="clip">{row.name}</b> <span class="count">{row.count}</span></li>;
            return <li key={`empty ${item.index}`} class="card ghost" aria-hidden="true" style={{ transform: `translateY(${item.start}px)` }} />;
          })}
        </ul>
        {count === 0 && <EmptyColumn status={status} total={model.total.value} />}
        {problem !== null && <Problem refusal={{ message: problem }} retry={() => void loadMore(status, 60)} />}
      </div>
      <DropWords status={status} />
    </section>
  );
}

/** What has to be read for the rows on the screen: the next window of the beginning, one from an index on, or nothing. */
function wishOf(rows: readonly Row[], items: readonly { index: number }[], loaded: number, gap: { at: number; size: number } | null): "next" | number | null {
  const [first, last] = [items[0]?.index, items.at(-1)?.index];
  if (first === undefined || last === undefined) return null;
  const beginning = gap?.at ?? loaded;
  const far = gap === null ? rows.length : gap.at + gap.size;
  const end = gap === null ? rows.length : loaded + gap.size;
  const isMissing = (index: number): boolean => rows[index]?.kind === "ghost";
  if (first <= beginning + NEAR_END && last >= beginning - NEAR_END && isMissing(beginning)) return "next";
  const missing = items.find(({ index }) => isMissing(index))?.index;
  if (missing !== undefined && (missing < far || missing >= end)) {
    // Before the further part its end meets it; anywhere else the window lies around what is seen.
    return Math.max(beginning, missing < far && last >= far ? far - WINDOW_ROWS + 1 : first - NEAR_END);
  }
  return null;
}

/** Why the column takes no drop, while the pointer is over it. */
function DropWords({ status }: { status: Status }) {
  const words = useComputed(() => (drag.value !== null && over.value === status ? refusalOf(drag.value, status) : null));
  return words.value === null ? null : <p class="column-refusal">{words.value}</p>;
}

/** Until the first snapshot: grey blocks, which appear only when it takes its time. */
function FirstGhosts() {
  return (
    <div class="first-ghosts" aria-busy="true">
      <div class="card ghost" />
      <div class="card ghost" />
      <div class="card ghost" />
    </div>
  );
}

function EmptyColumn({ status, total }: { status: Status; total: number }) {
  if (isFirstLoad.value) return <FirstGhosts />;
  if (hasFilter(view.value) && total > 0) {
    return (
      <div class="column-empty">
        <p>0 of {total.toLocaleString("en-US")} match.</p>
        <button type="button" class="button small" onClick={clearFilter}>Clear the filter</button>
      </div>
    );
  }
  return <p class="column-empty">{statusWords(status).arrives}</p>;
}
