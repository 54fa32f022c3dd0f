// Search as one types, for fields that pick a task.

import { get } from "../api";
import type { NamedTask } from "../wire";

interface Found { id: string; title: string; status: string; board: string }
export interface FoundTask extends NamedTask { board: string }

/** What was typed as the query: the last word may go on. Signs that the search has a meaning for are left out of words. */
export function queryText(typed: string): string {
  const parts = typed.trim().split(/\s+/).map((word) => word.replace(/["*()^:]/g, "")).filter((word) => word !== "");
  const last = parts.length - 1;
  return parts.map((word, index) => (index === last && !typed.endsWith(" ") ? `${word}*` : word)).join(" ");
}

const ID = /^t_[0-9a-f]{8}$/;

export async function searchTasks(typed: string, options: { board?: string; limit: number; archived?: boolean }, signal: AbortSignal): Promise<FoundTask[]> {
  const text = typed.trim();
  if (ID.test(text)) {
    const shown = await get<{ task: Found }>(`/v1/tasks/${text}`, {}, signal).catch(() => null);
    if (shown) return [asNamed(shown.task)];
  }
  const query = queryText(text);
  if (query === "") return [];
  const hits = await get<Found[]>("/v1/search", { text: query, limit: options.limit, board: options.board, archived: options.archived }, signal);
  return hits.map(asNamed);
}

function asNamed({ id, title, status, board }: Found): FoundTask {
  return { id, title, status, board };
}
