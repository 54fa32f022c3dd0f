import { lostAt } from "../state/stream";
import { pageState } from "../state/status";

function clock(at_ms: number): string {
  const at = new Date(at_ms);
  return `${at.getHours()}:${String(at.getMinutes()).padStart(2, "0")}`;
}

const WORDS: Record<string, string> = { connecting: "connecting…", live: "live", saving: "saving…", reconnecting: "reconnecting…", offline: "offline", over: "logged out" };

/** Whether what is shown is true now. */
export function ConnectionChip() {
  const state = pageState.value;
  const words = state === "offline" && lostAt.value !== null ? `offline since ${clock(lostAt.value)}` : (WORDS[state] ?? state);
  return (
    <span class="connection" data-is={state} title={state === "live" ? "Changes come by themselves" : words}>
      <span class="dot" aria-hidden="true" />
      <span class="connection-word">{words}</span>
    </span>
  );
}
