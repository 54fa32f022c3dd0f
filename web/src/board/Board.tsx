// The board: a row of columns, folded or open, and on a phone one column a screen with a strip of tabs.
import { computed } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Problem, StatusSign } from "../parts";
import { isFirstLoad, modelOf, statuses } from "../state/board";
import { loadBoard, loadProblem } from "../state/load";
import { streamState } from "../state/stream";
import { hasFilter } from "../state/url";
import { view } from "../state/view";
import { statusWords } from "../text";
import { BulkBar } from "./BulkBar";
import { Column } from "./Column";
import { columnScroll, drag, followDrags } from "./drag";
import { FirstUse } from "./FirstUse";
import { registerBoardKeys } from "./keys";
import { followLongPress } from "./press";
import { density } from "./settings";
import { columnWidthOf } from "./fit";
import { foldedStatuses, openStatuses } from "./shown";
import { isPhone } from "../shell/screen";
import "./board.css";
import "./card.css";

const isEmptyBoard = computed(() => !isFirstLoad.value && !hasFilter(view.value) && statuses.value.every((status) => modelOf(status).total.value === 0));

export function Board() {
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const ends = [registerBoardKeys(), followDrags()];
    if (scroller.current !== null) ends.push(columnScroll(scroller.current), followLongPress(scroller.current));
    return () => ends.forEach((end) => end());
  }, []);
  const open = openStatuses.value.length;
  const folded = statuses.value.length - open;
  const isCompact = density.value === "compact";
  useLayoutEffect(() => {
    const board = scroller.current;
    if (board === null) return undefined;
    const fit = (): void => {
      const usual_px = isCompact ? 240 : 280;
      if (isPhone.peek()) board.style.removeProperty("--fit");
      else board.style.setProperty("--fit", `${columnWidthOf(board.clientWidth, open, folded, usual_px, isCompact ? 210 : 240)}px`);
    };
    fit();
    window.addEventListener("resize", fit);
    return () => window.removeEventListener("resize", fit);
  }, [open, folded, isCompact]);
  const problem = loadProblem.value;
  const isAway = streamState.value === "offline" || streamState.value === "reconnecting";
  return (
    <>
      {problem !== null && problem.status !== 401 && (
        <div class="board-problem"><Problem refusal={problem} retry={() => void loadBoard({ keepsLoaded: true })} /></div>
      )}
      {isPhone.value && <ColumnTabs scroller={scroller} />}
      <div ref={scroller} class="board" data-away={isAway} data-dragging={drag.value !== null} data-loading={isFirstLoad.value} tabIndex={-1}>
        {isEmptyBoard.value ? <FirstUse /> : statuses.value.map((status) => <Column key={status} status={status} isFolded={!isPhone.value && foldedStatuses.value.has(status)} />)}
      </div>
      <BulkBar />
    </>
  );
}

/** On a phone: the heads of the columns, which follow the swipe. */
function ColumnTabs({ scroller }: { scroller: { current: HTMLDivElement | null } }) {
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const board = scroller.current;
    const tabs = strip.current;
    if (board === null || tabs === null) return undefined;
    const follow = (): void => {
      const at = Math.round(board.scrollLeft / Math.max(1, board.clientWidth));
      [...tabs.children].forEach((tab, index) => {
        tab.setAttribute("aria-selected", String(index === at));
        if (index === at && tab instanceof HTMLElement) {
          const left = tab.offsetLeft - tabs.clientWidth / 2 + tab.offsetWidth / 2;
          tabs.scrollTo({ left });
        }
      });
    };
    follow();
    board.addEventListener("scroll", follow, { passive: true });
    return () => board.removeEventListener("scroll", follow);
  }, [statuses.value.length]);
  return (
    <div ref={strip} class="column-tabs" role="tablist" aria-label="Columns">
      {statuses.value.map((status, index) => (
        <button
          key={status}
          type="button"
          role="tab"
          aria-selected={index === 0}
          class="column-tab"
          data-status={status}
          onClick={() => scroller.current?.scrollTo({ left: index * scroller.current.clientWidth, behavior: "smooth" })}
        >
          <StatusSign status={status} />
          {statusWords(status).word} <span class="count">{modelOf(status).count.value}</span>
        </button>
      ))}
    </div>
  );
}
