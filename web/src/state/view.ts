// What the page shows, kept in the URL alone: a link, the back button and a saved view are the same thing.
import { signal } from "@preact/signals";
import { parseView, printView, type View } from "./url";

export type { View, ViewName } from "./url";

export const view = signal<View>(parseView(location.search));

/** Changes the view. Opening things makes an entry of the history; typing and sorting pass `replace`. */
export function go(change: Partial<View>, options?: { replace?: boolean }): void {
  const next = { ...view.peek(), ...change };
  const address = location.pathname + printView(next);
  if (address === location.pathname + location.search) {
    view.value = next;
    return;
  }
  if (options?.replace === true) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  view.value = next;
}

export const openTask = (id: string, tab: string | null = null): void => go({ task: id, tab });
export const closeTask = (): void => go({ task: null, tab: null });

window.addEventListener("popstate", () => {
  view.value = parseView(location.search);
});
