// The rows of a column: cards, lanes by profile, and grey rows for what is not loaded. Pure.
export type Row =
  | { kind: "card"; id: string; index: number }
  | { kind: "lane"; name: string; count: number }
  | { kind: "ghost" };

const GHOST: Row = { kind: "ghost" };

/** Tasks that are not loaded: `size` of them before the id at `at`, and those behind the last id up to `count`.
 *  `laneOf` null: no lanes. Lanes come in the order of their names, those without a name last; inside, the column's order stays. */
export function layRows(ids: readonly string[], count: number, gap: { at: number; size: number } | null, laneOf: ((id: string) => string | null) | null): Row[] {
  const rows: Row[] = [];
  const size = gap?.size ?? 0;
  if (laneOf === null) {
    ids.forEach((id, nth) => {
      if (nth === gap?.at) for (let at = 0; at < size; at += 1) rows.push(GHOST);
      rows.push({ kind: "card", id, index: rows.length });
    });
  } else {
    const lanes = new Map<string, string[]>();
    for (const id of ids) {
      const name = laneOf(id) ?? "";
      lanes.set(name, [...(lanes.get(name) ?? []), id]);
    }
    const names = [...lanes.keys()].sort((one, other) => (one === "" ? 1 : other === "" ? -1 : one < other ? -1 : 1));
    const places = new Map(ids.map((id, index) => [id, index]));
    for (const name of names) {
      const members = lanes.get(name) ?? [];
      rows.push({ kind: "lane", name: name === "" ? "Nobody" : name, count: members.length });
      for (const id of members) rows.push({ kind: "card", id, index: places.get(id) ?? 0 });
    }
  }
  for (let at = ids.length + size; at < count; at += 1) rows.push(GHOST);
  return rows;
}
