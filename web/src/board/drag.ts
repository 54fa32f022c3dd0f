// Dragging with the mouse. Every drop is a move of the daemon's table; columns without one dim and say why.
import { signal } from "@preact/signals";
import { pointerOutsideOfPreview } from "@atlaskit/pragmatic-drag-and-drop/element/pointer-outside-of-preview";
import { setCustomNativeDragPreview } from "@atlaskit/pragmatic-drag-and-drop/element/set-custom-native-drag-preview";
import { autoScrollForElements } from "@atlaskit/pragmatic-drag-and-drop-auto-scroll/element";
import { combine } from "@atlaskit/pragmatic-drag-and-drop/combine";
import { draggable, dropTargetForElements, monitorForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { toast } from "../dialog";
import { cards, statuses } from "../state/board";
import { sharedMoveOnDrop, whyRefused } from "../state/moves";
import { isSelected, selected } from "../state/selection";
import { canWrite } from "../state/status";
import type { Card, Status } from "../wire";
import { performAndFocus } from "./perform";

export interface Drag {
  ids: readonly string[];
  /** Statuses that the cards come from. */
  from: ReadonlySet<Status>;
  /** Columns on which a drop does something. */
  allowed: ReadonlySet<Status>;
}

export const drag = signal<Drag | null>(null);
/** The column under the pointer while dragging. */
export const over = signal<Status | null>(null);

/** A finger scrolls; moving by touch is the menu's work. */
export const canDrag = matchMedia("(pointer: fine)").matches;

function cardsOf(ids: readonly string[]): Card[] {
  return ids.map((id) => cards.get(id)?.peek()).filter((card) => card !== undefined);
}

function begin(id: string): void {
  const ids = isSelected(id) ? [...selected.peek()] : [id];
  const moving = cardsOf(ids);
  const from = new Set(moving.map((card) => card.status));
  const allowed = new Set(statuses.peek().filter((status) => sharedMoveOnDrop(moving, status) !== null));
  drag.value = { ids, from, allowed };
}

/** Why the column under the pointer takes no drop; null when it does, or when the cards are from there. */
export function refusalOf(current: Drag, status: Status): string | null {
  if (current.allowed.has(status)) return null;
  if (current.from.size === 1 && current.from.has(status)) return null;
  const moving = cardsOf(current.ids);
  const [first] = moving;
  if (first === undefined) return null;
  if (current.from.size > 1) return "These tasks have no common move to this column: move them column by column.";
  return whyRefused(first, status);
}

function drop(current: Drag, status: Status): void {
  const moving = cardsOf(current.ids);
  const move = sharedMoveOnDrop(moving, status);
  const refusal = refusalOf(current, status);
  if (refusal !== null) toast(refusal, { kind: "note" });
  if (move === null) return;
  void performAndFocus(move, moving, status);
}

export function draggableCard(element: HTMLElement, id: string): () => void {
  return draggable({
    element,
    canDrag: () => canWrite.peek(),
    getInitialData: () => ({ id }),
    onGenerateDragPreview: ({ nativeSetDragImage }) => {
      const count = isSelected(id) ? selected.peek().size : 1;
      if (count < 2) return;
      setCustomNativeDragPreview({
        nativeSetDragImage,
        getOffset: pointerOutsideOfPreview({ x: "12px", y: "8px" }),
        render: ({ container }) => {
          const words = document.createElement("div");
          words.className = "drag-count";
          words.textContent = `${count} tasks`;
          container.append(words);
        },
      });
    },
    onDragStart: () => begin(id),
  });
}

export function columnTarget(element: HTMLElement, status: Status): () => void {
  return dropTargetForElements({
    element,
    getData: () => ({ status }),
    canDrop: ({ source }) => typeof source.data["id"] === "string",
  });
}

export function columnScroll(element: HTMLElement): () => void {
  return autoScrollForElements({ element });
}

export function followDrags(): () => void {
  return combine(
    monitorForElements({
      onDropTargetChange: ({ location }) => {
        over.value = (location.current.dropTargets[0]?.data["status"] as Status | undefined) ?? null;
      },
      onDrop: ({ location }) => {
        const current = drag.peek();
        const status = location.current.dropTargets[0]?.data["status"] as Status | undefined;
        drag.value = null;
        over.value = null;
        if (current !== null && status !== undefined && !(current.from.size === 1 && current.from.has(status))) drop(current, status);
      },
    }),
  );
}
