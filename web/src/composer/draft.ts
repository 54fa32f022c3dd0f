// A task that is being written: what the form holds, what is wrong with it, and the request. Pure.
import { parseDuration } from "../dialog/times";
import type { NamedTask, Status } from "../wire";
import type { NewTask } from "./create";
import type { Preset } from "./state";

export interface Draft {
  column: Status;
  title: string;
  body: string;
  assignee: string;
  priority: string;
  labels: string[];
  parents: NamedTask[];
  triage: boolean;
  start_at: number | null;
  due_at: number | null;
  tenant: string;
  workspace_kind: string;
  workspace_path: string;
  review: string;
  max_runtime: string;
  model: string;
  effort: string;
  args: string;
  skills: string;
}

export function firstDraft(): Draft {
  return {
    column: "ready", title: "", body: "", assignee: "", priority: "0", labels: [], parents: [], triage: false, start_at: null, due_at: null,
    tenant: "", workspace_kind: "", workspace_path: "", review: "", max_runtime: "", model: "", effort: "", args: "", skills: "",
  };
}

export function draftOf(preset: Preset): Draft {
  return {
    ...firstDraft(),
    column: preset.column ?? "ready",
    title: preset.title ?? "",
    assignee: preset.assignee ?? "",
    parents: (preset.parents ?? []).map((task) => ({ ...task })),
    triage: preset.column === "triage",
  };
}

/** What must be put right before the request makes sense, by field. */
export function fieldFaults(draft: Draft): Record<string, string> {
  const faults: Record<string, string> = {};
  if (draft.title.trim() === "") faults["title"] = "A task needs a title.";
  if (draft.column === "scheduled" && draft.start_at === null) faults["start_at"] = "A scheduled task needs a start time.";
  if (draft.max_runtime.trim() !== "" && parseDuration(draft.max_runtime) === null) faults["max_runtime"] = "A time as 45m or 2h.";
  const needs_path = draft.workspace_kind === "dir" || draft.workspace_kind === "worktree";
  if (needs_path && !draft.workspace_path.trim().startsWith("/")) faults["workspace_path"] = "An absolute path is needed.";
  return faults;
}

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

export function taskOf(draft: Draft): NewTask {
  const task: NewTask = { title: draft.title.trim() };
  if (draft.body.trim() !== "") task.body = draft.body;
  if (draft.assignee !== "") task.assignee = draft.assignee;
  const priority = Number(draft.priority);
  if (Number.isInteger(priority) && priority !== 0) task.priority = priority;
  if (draft.labels.length > 0) task.labels = draft.labels;
  if (draft.parents.length > 0) task.parents = draft.parents.map((parent) => parent.id);
  if (draft.triage) task.triage = true;
  if (draft.start_at !== null) task.start_at = draft.start_at;
  if (draft.due_at !== null) task.due_at = draft.due_at;
  if (draft.tenant.trim() !== "") task.tenant = draft.tenant.trim();
  if (draft.workspace_kind !== "") task.workspace_kind = draft.workspace_kind;
  if (draft.workspace_path.trim() !== "" && draft.workspace_kind !== "" && draft.workspace_kind !== "scratch") task.workspace_path = draft.workspace_path.trim();
  if (draft.review !== "") task.review = draft.review;
  const limit = parseDuration(draft.max_runtime);
  if (limit !== null) task.max_runtime_seconds = limit;
  if (draft.model.trim() !== "") task.model = draft.model.trim();
  if (draft.effort.trim() !== "") task.effort = draft.effort.trim();
  if (draft.args.trim() !== "") task.args = draft.args.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (draft.skills.trim() !== "") task.skills = words(draft.skills);
  return task;
}

/** Where the task will be, as far as the form can say. */
export function landing(draft: Draft): string {
  if (draft.triage) return "Goes to Triage.";
  if (draft.start_at !== null) return "Goes to Scheduled.";
  if (draft.parents.some((parent) => parent.status !== "done" && parent.status !== "archived")) return "Goes to Todo: it waits for what comes before it.";
  return draft.assignee === "" ? "Goes to Ready, and waits for an assignee." : "Goes to Ready, and starts when a slot is free.";
}
