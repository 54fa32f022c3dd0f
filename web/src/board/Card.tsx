// One card. It reads its own signal, so that a change of one card draws one card.
import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { cards, now, seenAt } from "../state/board";
import { flashOf } from "../state/flash";
import { focused, isSelected, toggle, extendTo, clearSelection, selectionCount } from "../state/selection";
import { go, view } from "../state/view";
import { announce } from "../dialog";
import { hueOf, initials, plural } from "../text";
import type { Card } from "../wire";
import { canDrag, drag, draggableCard } from "./drag";
import { dueOf, factOf, spentOf } from "./fact";
import { leaveFocus, wantsFocus } from "./focus";
import { hasHeardSigns } from "../state/stream";
import { openCardMenu } from "./menus";

export interface CardProps {
  id: string;
  start_px: number;
  position: number;
  size: number;
  isTabStop: boolean;
}

export function CardItem(props: CardProps) {
  const { id } = props;
  const known = cards.get(id);
  const element = useRef<HTMLLIElement>(null);
  const place = useRef({ status: "", row: 0 });
  const isChosen = useComputed(() => isSelected(id));
  const isOpen = useComputed(() => view.value.task === id);
  const isLifted = useComputed(() => drag.value?.ids.includes(id) === true);
  useEffect(() => (canDrag && element.current !== null ? draggableCard(element.current, id) : undefined), [id]);
  useLayoutEffect(() => {
    const li = element.current;
    if (li === null) return undefined;
    if (wantsFocus.id === id) {
      wantsFocus.id = null;
      li.focus({ preventScroll: true });
    }
    return () => {
      // It leaves while it has the focus: the same card in its new column takes it over.
      if (document.activeElement === li) leaveFocus(id, place.current.status, place.current.row);
    };
  }, [id]);
  if (known === undefined) return null;
  const card = known.value;
  place.current = { status: card.status, row: props.position - 1 };
  return (
    <li
      ref={element}
      class="card"
      data-card={id}
      data-status={card.status}
      data-chosen={isChosen.value}
      data-open={isOpen.value}
      data-lifted={isLifted.value}
      data-flash={flashOf(id)}
      data-late={card.due_at !== null && dueOf(card, now.peek())?.isLate === true}
      tabIndex={props.isTabStop ? 0 : -1}
      aria-setsize={props.size}
      aria-posinset={props.position}
      style={{ transform: `translateY(${props.start_px}px)` }}
      onFocus={() => (focused.value = id)}
      onClick={(event) => click(event, id)}
      onContextMenu={(event) => {
        event.preventDefault();
        openCardMenu(id, { x: event.clientX, y: event.clientY });
      }}
    >
      <CardBody card={card} />
    </li>
  );
}

function click(event: MouseEvent, id: string): void {
  const onLink = event.target instanceof Element && event.target.closest("a") !== null;
  if (event.ctrlKey || event.metaKey) {
    // On the title this opens a tab, as on every link.
    if (onLink) return;
    toggle(id);
  } else if (event.shiftKey) {
    event.preventDefault();
    document.getSelection()?.removeAllRanges();
    extendTo(id);
  } else {
    event.preventDefault();
    if (selectionCount.peek() > 0 && !isSelected(id)) clearSelection();
    go({ task: id, tab: view.peek().task === null ? null : view.peek().tab });
    return;
  }
  announce(`${plural(selectionCount.peek(), "task")} selected`);
}

function CardBody({ card }: { card: Card }) {
  const shown = card.tenant === null ? 2 : 1;
  const labels = card.labels.slice(0, shown);
  const more = card.labels.length - labels.length;
  return (
    <>
      <div class="card-line">
        <span class="card-id mono">{card.id}</span>
        {card.priority !== 0 && <span class="card-priority" title={`Priority ${card.priority}`}>P{card.priority}</span>}
        {card.tenant !== null && <span class="card-tenant clip" title={`Tenant ${card.tenant}`}>{card.tenant}</span>}
        {labels.map((label, at) => (
          <span key={label} class="card-label clip" title={card.labels.join(", ")}>
            {label}
            {more > 0 && at === labels.length - 1 ? ` +${more}` : ""}
          </span>
        ))}
      </div>
      <a class="card-title" href={`?task=${encodeURIComponent(card.id)}`} tabIndex={-1} draggable={false}>{card.title}</a>
      <FactLine card={card} />
      <div class="card-foot">
        {card.assignee === null ? <span class="card-who none">Nobody</span> : <span class="card-who clip" data-hue={hueOf(card.assignee)} data-initials={initials(card.assignee)} title={card.assignee}>{card.assignee}</span>}
        <DueChip card={card} />
        {card.children !== null && <span class="counter" data-kind="children" title={`${card.children.done} of ${plural(card.children.count, "child", "children")} done`}>{card.children.done}/{card.children.count}</span>}
        {card.comments > 0 && <span class="counter" data-kind="comments" title={plural(card.comments, "comment")}>{card.comments}</span>}
        {card.attachments > 0 && <span class="counter" data-kind="attachments" title={plural(card.attachments, "attachment")}>{card.attachments}</span>}
      </div>
    </>
  );
}

function FactLine({ card }: { card: Card }) {
  const line = useRef<HTMLSpanElement>(null);
  const newest = card.run === null ? 0 : seenAt(card.run.id).value;
  const seen_at = newest > 0 || hasHeardSigns.value ? newest : null;
  const still = factOf(card, now.peek(), seen_at);
  // Only what changes with time listens to the clock.
  const fact = still.ticks ? factOf(card, now.value, seen_at) : still;
  const spent = card.run?.max_runtime_seconds == null ? null : spentOf(card, now.value);
  useLayoutEffect(() => {
    line.current?.style.setProperty("--spent", `${Math.round((spent ?? 0) * 100)}%`);
  }, [spent]);
  return (
    <span ref={line} class="card-fact" data-tone={fact.tone} data-limited={spent !== null} title={fact.text}>
      {fact.text}
    </span>
  );
}

function DueChip({ card }: { card: Card }) {
  if (card.due_at === null) return null;
  const due = dueOf(card, now.value);
  return due === null ? null : <span class="card-due clip" data-late={due.isLate}>{due.text}</span>;
}
