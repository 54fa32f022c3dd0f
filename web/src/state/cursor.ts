// Cursors are `incarnation:number`. The page compares them only to know whether the stream has passed a reply.

function parts(cursor: string): [string, number] {
  const at = cursor.lastIndexOf(":");
  return [cursor.slice(0, Math.max(0, at)), Number(cursor.slice(at + 1))];
}

/** Whether a stream at `cursor` has brought everything up to `wanted`. Another incarnation counts as passed: a snapshot follows. */
export function hasPassed(cursor: string | null, wanted: string): boolean {
  if (cursor === null) return false;
  const [here, at] = parts(cursor);
  const [there, goal] = parts(wanted);
  if (here !== there || Number.isNaN(at) || Number.isNaN(goal)) return true;
  return at >= goal;
}
