// The switch of the whole fleet, and a pass by hand.
import { post } from "../api";
import { toast } from "../dialog";
import { showRefusal } from "../state/moves";

export async function switchDispatch(to: "on" | "paused" | "draining"): Promise<void> {
  const words = { on: "Resumed: ready tasks are started again.", paused: "Paused: nothing is started until you resume. Runs go on.", draining: "Draining: nothing is started; runs end in their own time." };
  try {
    const { value } = await post<{ before: "on" | "paused" | "draining" }>("/v1/dispatch/switch", { to });
    if (value.before === to) toast("It was so already.");
    else toast(words[to], { undo: null });
  } catch (error) {
    showRefusal(error);
  }
}

/** Starts what may start now, without waiting for the next pass. */
export async function nudge(): Promise<void> {
  try {
    const { value } = await post<{ spawned: unknown[]; promoted: number; held_by?: unknown }>("/v1/dispatch", {});
    const started = value.spawned.length;
    if (started > 0) toast(started === 1 ? "Started one task." : `Started ${started} tasks.`);
    else toast("Nothing more can start now: slots, assignees or limits hold the rest. Each ready card says which.");
  } catch (error) {
    showRefusal(error);
  }
}
