// What can be taken back. Only what the daemon has a verb for gets here; nothing else pretends.
import { signal } from "@preact/signals";

export interface Undo { label: string; run: () => Promise<void> }

const MAX_STEPS = 20;
export const undos = signal<readonly Undo[]>([]);

export function offerUndo(undo: Undo): void {
  undos.value = [...undos.peek(), undo].slice(-MAX_STEPS);
}

export async function takeBack(undo: Undo | undefined = undos.peek().at(-1)): Promise<void> {
  if (undo === undefined || !undos.peek().includes(undo)) return;
  undos.value = undos.peek().filter((each) => each !== undo);
  await undo.run();
}
