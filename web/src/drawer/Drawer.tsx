import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { Problem } from "../parts/Problem";
import { cards, columns } from "../state/board";
import { onDelta, resyncs } from "../state/stream";
import { openTask, view as pageView } from "../state/view";
import { useUploads } from "./Attachments";
import { copy, Head } from "./Head";
import { leave, useDrawerKeys } from "./keys";
import { loadTask } from "./load";
import { neighbour, place } from "./neighbour";
import { Overview } from "./Overview";
import { Resizer } from "./Resizer";
import { DiffTab, LogTab } from "./RunTabs";
import { drawerWidth } from "./settings";
import { Tabs, type Tab } from "./Tabs";
import { Timeline } from "./Timeline";
import "./drawer.css";
import "./history.css";

/** The open task, beside the board. Nothing while none is open. */
export function Drawer() {
  const id = pageView.value.task;
  const isShown = id !== null;
  useEffect(() => {
    document.documentElement.style.setProperty("--drawer-width", isShown ? `${drawerWidth.value}px` : "0px");
  }, [isShown, drawerWidth.value]);
  return isShown ? <TaskDrawer key={id} id={id} /> : null;
}

/** Whether the focus was in the drawer last: another task then takes it over from the one that goes. */
let wasInside = false;
/** What had the focus before it went into the drawer. */
let opener: Element | null = null;
document.addEventListener("focusin", (event) => {
  const isInside = event.target instanceof Element && event.target.closest(".drawer") !== null;
  if (!isInside && event.target instanceof Element && event.target.closest("dialog, .menu") === null) opener = event.target;
  wasInside = isInside;
});

/** Closes the drawer; the focus goes back to the card it was opened from, as far as that is there. */
export function close(id: string): void {
  wasInside = false;
  leave(id, opener);
}

function TaskDrawer({ id }: { id: string }) {
  const open = useMemo(() => loadTask(id), [id]);
  const box = useRef<HTMLElement>(null);
  const logRun = useSignal<number | null>(null);
  const diffRun = useSignal<number | null>(null);
  const uploads = useUploads(id, () => void open.refetch());
  const isDropping = useSignal(false);

  useEffect(() => {
    void open.refetch();
    const stop = onDelta((delta) => open.hear(delta));
    return () => {
      stop();
      open.close();
    };
  }, [open]);
  // After lost events every change may have been missed.
  useEffect(() => {
    if (resyncs.value.count > 0) void open.refetch();
  }, [resyncs.value.count]);

  const lists = useComputed(() => Object.values(columns).map((column) => column.ids.value));
  const step = (by: 1 | -1): boolean => {
    const next = neighbour(lists.peek(), id, by);
    if (next === null) return false;
    openTask(next, pageView.peek().tab);
    return true;
  };
  useLayoutEffect(() => {
    // Opened by a key, or from within: the focus goes along. A click on the board leaves it there.
    const active = document.activeElement;
    if (wasInside || (active && active !== document.body && active.matches(":focus-visible"))) box.current?.focus();
  }, []);

  const view = open.view.value;
  const card = cards.get(id)?.value ?? view?.card;
  // What a task waits for can change without the task, as slots and breakers do: the stream says so on the card alone.
  const reason = card?.reason?.code;
  useEffect(() => {
    const known = open.view.peek();
    if (known && reason !== undefined && reason !== known.why.code) open.refetchSoon();
  }, [reason]);
  const shownCard = view && card && card.version < view.card.version ? view.card : card;
  useDrawerKeys(id, shownCard ?? null, box, step, () => close(id));
  const hasWorktree = view?.task["workspace_kind"] === "worktree";
  const tabs: Tab[] = hasWorktree ? ["overview", "timeline", "log", "diff"] : ["overview", "timeline", "log"];
  const tab = tabs.find((one) => one === pageView.value.tab) ?? "overview";
  const at = place(lists.value, id);
  const show = (next: Tab) => openTask(id, next === "overview" ? null : next);

  return (
    <aside
      ref={box}
      class="drawer"
      tabIndex={-1}
      data-keys="drawer"
      aria-label={`Task ${id}`}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        isDropping.value = true;
      }}
      onDragLeave={(event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) isDropping.value = false;
      }}
      onDrop={(event) => {
        isDropping.value = false;
        const files = event.dataTransfer?.files;
        if (!files || files.length === 0) return;
        event.preventDefault();
        uploads.add([...files]);
      }}
      onPaste={(event) => {
        const files = event.clipboardData?.files;
        if (!files || files.length === 0) return;
        event.preventDefault();
        uploads.add([...files]);
      }}
    >
      <Resizer />
      <header class="drawer-bar">
        <button type="button" class="button quiet icon drawer-back" aria-label="Back to the board" onClick={() => close(id)}>‹ Back</button>
        <button type="button" class="drawer-id mono" title="Copy the id" onClick={() => copy(id, "Id copied.")}>{id}</button>
        <span class="spread" />
        {at && <span class="meta drawer-place">{at.at} of {at.of}</span>}
        <button type="button" class="button quiet icon" aria-label="Previous task" title="Previous task  [" disabled={neighbour(lists.value, id, -1) === null} onClick={() => step(-1)}>↑</button>
        <button type="button" class="button quiet icon" aria-label="Next task" title="Next task  ]" disabled={neighbour(lists.value, id, 1) === null} onClick={() => step(1)}>↓</button>
        <button type="button" class="button quiet icon drawer-close" aria-label="Close" title="Close  Esc" onClick={() => close(id)}>✕</button>
      </header>
      {!view && open.problem.value && <div class="drawer-panel"><Problem refusal={open.problem.value} retry={() => void open.refetch()} /></div>}
      {!view && !open.problem.value && <Skeleton title={card?.title ?? null} />}
      {view && shownCard && (
        <>
          <Head view={view} card={shownCard} onChanged={() => void open.refetch()} />
          {open.problem.value && <div class="drawer-stale"><Problem refusal={open.problem.value} retry={() => void open.refetch()} /></div>}
          <Tabs tabs={tabs} tab={tab} onTab={show} />
          <div class={`drawer-panel is-${tab}`} role="tabpanel" id="drawer-panel" aria-labelledby={`drawer-tab-${tab}`} tabIndex={tab === "log" ? -1 : 0}>
            {tab === "overview" && <Overview view={view} uploads={uploads} onChanged={() => void open.refetch()} />}
            {tab === "timeline" && <Timeline open={open} hasWorktree={hasWorktree} onLog={(run) => { logRun.value = run; show("log"); }} onDiff={(run) => { diffRun.value = run; show("diff"); }} />}
            {tab === "log" && <LogTab id={id} open={open} card={shownCard} run={logRun.value} onRun={(run) => (logRun.value = run)} />}
            {tab === "diff" && <DiffTab card={shownCard} run={diffRun.value} onNow={() => (diffRun.value = null)} />}
          </div>
        </>
      )}
      {isDropping.value && <div class="drawer-drop" aria-hidden="true">Drop to attach</div>}
    </aside>
  );
}

/** Until the view is there: the title, where the board knows it, and grey lines after a moment. */
function Skeleton({ title }: { title: string | null }) {
  return (
    <div class="drawer-head" aria-busy="true">
      <h2 class="drawer-title">{title ?? "Loading…"}</h2>
      <div class="skeleton" aria-hidden="true"><i /><i /><i /><i /></div>
    </div>
  );
}
