// Who could work on a board without a task. It comes with the snapshot of such a board; a board that becomes empty asks for it.
import { signal } from "@preact/signals";
import { asRefusal, get, post, type Refusal } from "../api";
import type { FirstUse } from "../wire";
import { boardName } from "./board";

export const firstUse = signal<FirstUse | null>(null);
export const firstUseProblem = signal<Refusal | null>(null);

export async function readFirstUse(): Promise<void> {
  firstUseProblem.value = null;
  try {
    firstUse.value = await get<FirstUse>("/v1/first_use", { board: boardName.peek() });
  } catch (error) {
    firstUseProblem.value = asRefusal(error);
  }
}

/** Has the daemon add the profile of a built-in launcher; the name of the launcher is all that is sent. */
export async function addProfile(launcher: string): Promise<{ profile: string; file: string }> {
  const { value } = await post<{ profile: string; file: string }>("/v1/profiles", { launcher });
  await readFirstUse();
  return value;
}
