// Who can work on a task: read when a form asks, kept for a minute.
import { signal } from "@preact/signals";
import { get } from "../api";
import { boardName } from "./board";

export interface AssigneeInfo { name: string; kind: string; on_disk: boolean; would_run: string[]; counts: Record<string, number> }

export const assignees = signal<readonly AssigneeInfo[]>([]);
let read_at_ms = 0;
let read_board = "";

export async function loadAssignees(): Promise<void> {
  if (Date.now() - read_at_ms < 60_000 && read_board === boardName.peek()) return;
  read_at_ms = Date.now();
  read_board = boardName.peek();
  try {
    assignees.value = await get<AssigneeInfo[]>("/v1/assignees", { board: read_board });
  } catch {
    // The names are an offer; a form works without them.
    read_at_ms = 0;
  }
}
