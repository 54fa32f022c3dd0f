// Creating a task, and saying where it went.
import { post } from "../api";
import { toast } from "../dialog";
import { boardName } from "../state/board";
import { statusWords } from "../text";
import type { Status } from "../wire";

export interface NewTask {
  title: string;
  body?: string;
  assignee?: string | null;
  priority?: number;
  labels?: string[];
  tenant?: string;
  parents?: string[];
  triage?: boolean;
  workspace_kind?: string;
  workspace_path?: string;
  start_at?: number;
  due_at?: number;
  review?: string;
  max_runtime_seconds?: number;
  model?: string;
  effort?: string;
  args?: string[];
  skills?: string[];
}

/** Creates the task; the stream brings its card. */
export async function createTask(task: NewTask): Promise<{ id: string; cursor: string | null }> {
  const { value, cursor } = await post<{ id: string; status: Status }>("/v1/tasks", { ...task, board: boardName.peek() });
  toast(`Created “${task.title}” in ${statusWords(value.status).word}.`);
  return { id: value.id, cursor };
}
