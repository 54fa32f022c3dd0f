// One timer for everything that shows a time. It rests while the tab is hidden.
import { signal } from "@preact/signals";

/** Seconds between the daemon's clock and this browser's. */
let skew_seconds = 0;

const read = (): number => Math.floor(Date.now() / 1000 + skew_seconds);

/** Epoch seconds by the daemon's clock. */
export const now = signal<number>(read());

export function setServerTime(at: number): void {
  const skew = at - Date.now() / 1000;
  // Below a second it is the way of the message, not the clock.
  if (Math.abs(skew - skew_seconds) > 2) skew_seconds = skew;
  now.value = read();
}

let timer: ReturnType<typeof setInterval> | null = null;

function follow(): void {
  if (document.hidden) {
    if (timer !== null) clearInterval(timer);
    timer = null;
    return;
  }
  now.value = read();
  timer ??= setInterval(() => {
    now.value = read();
  }, 1000);
}

document.addEventListener("visibilitychange", follow);
follow();
