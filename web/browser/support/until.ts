// Waiting for a state, never for a time. The limit is that of a test that has failed.
const PATIENCE_MS = 30_000;
const LOOK_MS = 40;

export async function until(what: string, isSo: () => boolean | Promise<boolean>, say: () => string = () => ""): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`never: ${what}\n${say()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
