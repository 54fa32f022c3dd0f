// What the buttons of the inbox do.

import { post } from "../api";
import { ask, confirm, toast } from "../dialog";
import { showRefusal, type BulkReply } from "../state/moves";
import { go, openTask } from "../state/view";
import { copy } from "../drawer/Head";
import type { Attention, AttentionTask, Verb } from "./rows";
import { refetch } from "./store";

const PAST: Record<string, string> = { approve: "Approved", promote: "Let go on", unblock: "Let go on", complete: "Completed", cancel: "Cancelled", request_changes: "Sent back", assign: "Assigned", comment: "Commented on" };

/** One operation for the tasks of a row; each board has a request of its own. Throws what refuses a single one. */
export async function apply(verb: string, tasks: readonly AttentionTask[], fields: Record<string, unknown>): Promise<void> {
  const [first] = tasks;
  if (!first) return;
  const words = PAST[verb] ?? verb;
  if (tasks.length === 1) {
    await post(`/v1/tasks/${encodeURIComponent(first.id)}/${verb}`, fields);
    toast(`${words} “${first.title}”.`);
    return;
  }
  const refused: string[] = [];
  let done = 0;
  for (const board of new Set(tasks.map((task) => task.board))) {
    const here = tasks.filter((task) => task.board === board);
    const { value } = await post<BulkReply>("/v1/tasks/bulk", { board, ids: here.map((task) => task.id), verb, fields });
    for (const result of value.results) {
      if (result.refused) refused.push(`${result.id}: ${result.refused.message ?? "refused"}`);
      else done += 1;
    }
  }
  const text = refused.length === 0 ? `${words} ${done} tasks.` : `${words} ${done} of ${tasks.length} tasks.`;
  toast(text, { kind: refused.length === 0 ? "note" : "refusal", details: refused });
}

/** Does what a button says, asking first what has to be asked. False: the person left it, or it was refused. */
export async function act(verb: Verb, row: Attention): Promise<boolean> {
  const [first] = row.tasks;
  try {
    switch (verb) {
      case "open":
        if (first) openTask(first.id);
        return false;
      case "log":
      case "diff":
        if (first) openTask(first.id, verb);
        return false;
      case "profiles":
      case "schedules":
        go({ view: verb, task: null, ...(first ? { board: first.board } : {}) });
        return false;
      case "copy":
        copy(row.command, "Command copied.");
        return false;
      case "resume":
        await post("/v1/dispatch/switch", { to: "on" });
        toast("Dispatch is on.");
        break;
      case "reset":
        await reset(row);
        break;
      case "approve":
      case "complete":
        if (row.tasks.length > 1 && !(await confirm({ title: `${verb === "approve" ? "Approve" : "Complete"} ${row.tasks.length} tasks?`, action: verb === "approve" ? "Approve" : "Complete" }))) return false;
        await apply(verb, row.tasks, {});
        break;
      case "retry":
      case "unblock":
        await apply("unblock", row.tasks, {});
        break;
      case "promote":
        await apply("promote", row.tasks, {});
        break;
      case "cancel":
        if (!(await cancel(row))) return false;
        break;
      case "assign":
        if (!(await assign(row))) return false;
        break;
      case "request_changes":
      case "answer":
        // Both have a field in the row.
        return false;
    }
    void refetch();
    return true;
  } catch (error) {
    showRefusal(error);
    void refetch();
    return false;
  }
}

async function reset({ key }: Attention): Promise<void> {
  // A row for breakers that are only counted names none.
  if (key === null) {
    go({ view: "profiles", task: null });
    return;
  }
  await post("/v1/breakers/reset", { key });
  toast(`The breaker ${key} is closed.`);
}

async function cancel(row: Attention): Promise<boolean> {
  const values = await ask(
    [
      { name: "reason", kind: "line", label: "Reason" },
      { name: "release_children", kind: "flag", label: "Let the tasks that wait for it go on" },
    ],
    {
      title: row.tasks.length === 1 ? `Cancel “${row.tasks[0]?.title ?? ""}”` : `Cancel ${row.tasks.length} tasks`,
      action: "Cancel the task",
      isDanger: true,
      submit: (entered) => apply("cancel", row.tasks, withoutEmpty(entered)),
    },
  );
  return values !== null;
}

async function assign(row: Attention): Promise<boolean> {
  const values = await ask([{ name: "assignee", kind: "profile", label: "Profile or person", isRequired: true }], {
    title: row.tasks.length === 1 ? `Assign “${row.tasks[0]?.title ?? ""}”` : `Assign ${row.tasks.length} tasks`,
    action: "Assign",
    submit: (entered) => apply("assign", row.tasks, { assignee: entered["assignee"] }),
  });
  return values !== null;
}

function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== "" && value !== false));
}
