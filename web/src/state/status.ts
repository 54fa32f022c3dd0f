// What the page is doing, in one word, for people, tests and buttons.
import { computed, effect } from "@preact/signals";
import { session } from "../api";
import { cursor } from "./board";
import { isSaving } from "./pending";
import { lostAt, streamState } from "./stream";

/** connecting live saving reconnecting offline over */
export const pageState = computed(() => {
  if (session.value === "over") return "over";
  if (streamState.value !== "live") return streamState.value;
  return isSaving.value ? "saving" : "live";
});

/** Nothing is queued while the daemon is away: buttons say so instead. */
export const canWrite = computed(() => session.value === "open" && streamState.value !== "offline" && streamState.value !== "reconnecting");

export const whyNot = computed(() => {
  if (session.value === "over") return "The session is over: open a new link with kanban dashboard";
  if (canWrite.value) return null;
  return lostAt.value === null ? "Not connected" : "Not connected to the daemon: changes wait until it is back";
});

/** Marks on the root element for tests and styles; after the DOM has the change. */
export function followStatus(): void {
  const root = document.documentElement;
  effect(() => {
    root.dataset["state"] = pageState.value;
  });
  effect(() => {
    const at = cursor.value;
    if (at === null) return;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      root.dataset["cursor"] = at;
    }));
  });
}
