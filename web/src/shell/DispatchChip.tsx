import { openMenu, type MenuItem } from "../parts/Menu";
import { facts } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { plural } from "../text";
import { nudge, switchDispatch } from "./dispatch";

/** What the daemon may start now, and the switch for it. */
export function DispatchChip() {
  const known = facts.value;
  if (known === null) return null;
  const is_on = known.dispatch === "on";
  const words = is_on ? `${known.open_runs}/${known.max_running}` : known.dispatch;
  const title = is_on ? `${plural(known.open_runs, "run")} of at most ${known.max_running}` : `Dispatch is ${known.dispatch}: nothing is started`;
  return (
    <button type="button" class="button quiet dispatch" data-is={known.dispatch} aria-haspopup="menu" title={title} aria-label={`Dispatch: ${words}`} onClick={(event) => openMenu({ label: "Dispatch", at: event.currentTarget, items: dispatchItems() })}>
      <span class="dispatch-sign" aria-hidden="true" />
      <span class="tabular">{words}</span>
    </button>
  );
}

export function dispatchItems(): MenuItem[] {
  const known = facts.peek();
  if (known === null) return [];
  const refusal = canWrite.peek() ? {} : { refusal: whyNot.peek() ?? "" };
  if (known.dispatch === "disabled") return [{ label: "Dispatch is disabled in the configuration", refusal: "dispatch.enabled = false", run: () => undefined }];
  return [
    { label: "Start what may start now", ...refusal, run: () => void nudge() },
    { label: "On", detail: "start ready tasks", isOn: known.dispatch === "on", isApart: true, ...refusal, run: () => void switchDispatch("on") },
    { label: "Paused", detail: "start nothing", isOn: known.dispatch === "paused", ...refusal, run: () => void switchDispatch("paused") },
    { label: "Draining", detail: "let runs end", isOn: known.dispatch === "draining", ...refusal, run: () => void switchDispatch("draining") },
  ];
}
