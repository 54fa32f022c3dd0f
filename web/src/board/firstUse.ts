export interface ProfileRow { name: string; argv: string[]; launcher: string; problem: string | null; program: string | null }

/** Commands for a first task on a board. Pure. */
export function quickStart(board: string, profile: string | null): string[] {
  const on = board === "default" ? "" : ` --board ${board}`;
  return [`kanban create "Say hello in hello.txt"${on}${profile === null ? "" : ` --assignee ${profile}`}`, "kanban profiles", "kanban --help"];
}
