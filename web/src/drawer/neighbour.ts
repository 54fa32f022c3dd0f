// The task before or after another, in the order of what is shown.

/** The neighbour of `id` in the list that holds it; null at the ends, and when no list holds it. */
export function neighbour(lists: readonly (readonly string[])[], id: string, step: 1 | -1): string | null {
  for (const list of lists) {
    const at = list.indexOf(id);
    if (at >= 0) return list[at + step] ?? null;
  }
  return null;
}

/** Where a task stands in its list: "3 of 12". */
export function place(lists: readonly (readonly string[])[], id: string): { at: number; of: number } | null {
  for (const list of lists) {
    const at = list.indexOf(id);
    if (at >= 0) return { at: at + 1, of: list.length };
  }
  return null;
}
