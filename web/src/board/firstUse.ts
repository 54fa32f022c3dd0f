import type { FirstUse, FoundAgent } from "../wire";

/** Commands for a first task on a board. Pure. */
export function quickStart(board: string, profile: string | null): string[] {
  const on = board === "default" ? "" : ` --board ${board}`;
  return [`kanban create "Say hello in hello.txt"${on}${profile === null ? "" : ` --assignee ${profile}`}`, "kanban profiles", "kanban --help"];
}

/** Agents that are there and that no profile uses yet. Pure. */
export function offered(found: FirstUse): FoundAgent[] {
  return found.agents.filter((agent) => agent.program !== null && !agent.is_configured);
}

/** One line about the agents that are not there. Pure. */
export function missing(found: FirstUse): string {
  const names = found.agents.filter((agent) => agent.program === null && !agent.is_configured).map((agent) => agent.launcher);
  return names.length === 0 ? "" : `Looked for and not found: ${names.join(", ")}. Any other program can be a profile, too: see docs/launchers.md.`;
}
