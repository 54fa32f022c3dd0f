// What keys do while the focus is in the drawer: they act on its task, be it on the board or not.

import { useEffect, useRef } from "preact/hooks";

import { focusCard } from "../board/focus";
import { onKey } from "../keys";
import { moveNamed, perform } from "../state/moves";
import { closeTask, view } from "../state/view";
import type { Card } from "../wire";

const MOVES: Record<string, string> = {
  "task.unblock": "unblock",
  "task.approve": "approve",
  "task.request_changes": "request_changes",
  "task.stop": "stop",
  "task.archive": "archive",
};
/** Facts with an editor in the overview, by the key that opens it. */
const EDITORS: Record<string, string> = { "task.assignee": "assignee", "task.priority": "priority", "task.labels": "labels" };

export function useDrawerKeys(id: string, card: Card | null, box: { current: HTMLElement | null }, step: (by: 1 | -1) => boolean, close: () => void): void {
  const now = useRef({ card, step });
  now.current = { card, step };
  useEffect(() => {
    const find = (selector: string) => box.current?.querySelector<HTMLElement>(selector) ?? null;
    const ends = [
      onKey("drawer.previous", () => now.current.step(-1)),
      onKey("drawer.next", () => now.current.step(1)),
      onKey("page.close", () => {
        // What is being written is not thrown away: the first Escape only leaves the field.
        const active = document.activeElement;
        if (active instanceof HTMLElement && active.matches("input, textarea, select") && box.current?.contains(active)) box.current.focus();
        else close();
      }),
      onKey("drawer.find", (_, scope) => (scope === "drawer" ? focus(find(".log-find input")) : false)),
      onKey("task.answer", (_, scope) => (scope === "drawer" ? focus(find(".answer textarea")) : false)),
    ];
    for (const [key, operation] of Object.entries(MOVES)) {
      ends.push(
        onKey(key, (_, scope) => {
          const { card } = now.current;
          const move = card && scope === "drawer" ? moveNamed(card, operation) : null;
          if (!card || !move) return false;
          void perform(move, [card]);
        }),
      );
    }
    for (const [key, fact] of Object.entries(EDITORS)) {
      ends.push(
        onKey(key, (_, scope) => {
          const button = scope === "drawer" ? find(`[data-fact="${fact}"] .editable`) : null;
          if (!button) return false;
          button.click();
        }),
      );
    }
    return () => ends.forEach((end) => end());
  }, [id]);
}

function focus(element: HTMLElement | null): boolean {
  element?.focus();
  return element !== null;
}

/** Closes the drawer; the focus goes back to the card of the task, or to what had it before: a row of the inbox, a node of the graph. */
export function leave(id: string, opener: Element | null): void {
  closeTask();
  requestAnimationFrame(() => {
    if (view.peek().view === "board" && focusCard(id)) return;
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
  });
}
