import { useRef } from "preact/hooks";

export type Tab = "overview" | "timeline" | "log" | "diff";
export const TAB_LABELS: Record<Tab, string> = { overview: "Overview", timeline: "Timeline", log: "Log", diff: "Diff" };

interface Props {
  tabs: Tab[];
  tab: Tab;
  onTab: (tab: Tab) => void;
}

/** The tabs of the drawer: one stop for the Tab key, arrows go between them. */
export function Tabs({ tabs, tab, onTab }: Props) {
  const bar = useRef<HTMLDivElement>(null);
  return (
    <div
      ref={bar}
      class="tabs"
      role="tablist"
      aria-label="Parts of the task"
      onKeyDown={(event) => {
        const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        const next = by === 0 ? undefined : tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
        if (!next) return;
        event.preventDefault();
        event.stopPropagation();
        onTab(next);
        requestAnimationFrame(() => bar.current?.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
      }}
    >
      {tabs.map((one) => (
        <button
          key={one}
          type="button"
          class="tab"
          role="tab"
          id={`drawer-tab-${one}`}
          aria-selected={one === tab}
          aria-controls="drawer-panel"
          tabIndex={one === tab ? 0 : -1}
          onClick={() => onTab(one)}
        >
          {TAB_LABELS[one]}
        </button>
      ))}
    </div>
  );
}
