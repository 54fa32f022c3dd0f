// The tab's title and icon say how much needs a person, while another tab is open.
import { effect } from "@preact/signals";
import { boardName, facts } from "../state/board";
import { pageState } from "../state/status";

const BASE = "kanband";

export function followTitle(): void {
  effect(() => {
    const attention = facts.value?.attention ?? 0;
    const name = boardName.value === "default" ? BASE : `${boardName.value} · ${BASE}`;
    document.title = attention > 0 ? `(${attention}) ${name}` : name;
  });
  effect(() => {
    const wants = (facts.value?.attention ?? 0) > 0;
    const isAway = pageState.value === "offline" || pageState.value === "over";
    drawIcon(wants, isAway);
  });
}

const BARS = '<rect width="32" height="32" rx="7" fill="#1d5bd6"/><g fill="#fff"><rect x="7" y="7" width="5" height="18" rx="1.5"/><rect x="13.5" y="7" width="5" height="11" rx="1.5"/><rect x="20" y="7" width="5" height="14" rx="1.5"/></g>';

let drawn = "";
let address: string | null = null;

/** The icon with a dot: red when something needs a person, grey when the page is cut off. Made here, so that it costs no request. */
function drawIcon(wants: boolean, isAway: boolean): void {
  const key = `${wants} ${isAway}`;
  if (key === drawn) return;
  drawn = key;
  const dot = wants || isAway ? `<circle cx="24" cy="24" r="8" fill="${isAway ? "#7d8590" : "#d12f2f"}" stroke="#fff" stroke-width="2"/>` : "";
  const old = address;
  address = URL.createObjectURL(new Blob([`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${BARS}${dot}</svg>`], { type: "image/svg+xml" }));
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    link.type = "image/svg+xml";
    document.head.append(link);
  }
  link.href = address;
  // The browser may still be reading the old one: taken away under it, it is an error in the console.
  if (old !== null) setTimeout(() => URL.revokeObjectURL(old), 10_000);
}
