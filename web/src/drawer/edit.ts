// One edit of a task: only if it is still what the person saw.

import { asRefusal, patch, type Refusal } from "../api";
import type { Task } from "../wire";

export type Fields = Record<string, unknown>;

export type Outcome =
  | { kind: "saved" }
  /** The same fields were changed by others meanwhile: `current` is the task as it is. */
  | { kind: "conflict"; current: Task; fields: string[] }
  | { kind: "refused"; refusal: Refusal };

export function versionOf(task: Task): number {
  return typeof task["version"] === "number" ? task["version"] : 0;
}

/**
 * Writes `fields` over `seen`, the task as the editor was opened on it. A change of something else, such as the status, is no conflict:
 * it is written over the newer version then.
 */
export async function saveEdit(seen: Task, fields: Fields): Promise<Outcome> {
  let version = versionOf(seen);
  // Every repetition means that the task has changed once more; a few are plenty.
  for (let attempt = 0; ; attempt += 1) {
    try {
      await patch(`/v1/tasks/${encodeURIComponent(seen.id)}`, { ...fields, if_version: version });
      return { kind: "saved" };
    } catch (error) {
      const refusal = asRefusal(error);
      const current = refusal.code === "changed_meanwhile" ? (refusal.current as Task | null) : null;
      if (!current) return { kind: "refused", refusal };
      const changed = changedFields(seen, current, Object.keys(fields));
      if (changed.length > 0) return { kind: "conflict", current, fields: changed };
      if (attempt >= 4) return { kind: "refused", refusal };
      version = versionOf(current);
    }
  }
}

/** Which of the fields differ between two states of a task. Added and removed labels cannot clash: they are sets. */
export function changedFields(before: Task, after: Task, names: string[]): string[] {
  return names.filter((name) => !/^(add|remove)_/.test(name) && JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null));
}
