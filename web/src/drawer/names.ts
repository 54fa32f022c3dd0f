// Names that tasks of a board may be assigned to: read when a field asks for them, kept for a minute.

import { get } from "../api";

interface Named { name: string }

const KEPT_MS = 60_000;
const kept = new Map<string, { at: number; names: Promise<string[]> }>();

export function assigneeNames(board: string): Promise<string[]> {
  const known = kept.get(board);
  if (known && Date.now() - known.at < KEPT_MS) return known.names;
  const names = get<Named[]>("/v1/assignees", { board }).then(
    (list) => list.map((one) => one.name),
    // A field without suggestions works too; the next one asks again.
    () => {
      kept.delete(board);
      return [];
    },
  );
  kept.set(board, { at: Date.now(), names });
  return names;
}
