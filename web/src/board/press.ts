// A long press on a card opens its menu, where the browser makes no context menu of it.
import { openCardMenu } from "./menus";

const PRESS_MS = 550;
const STILL_PX = 8;

export function followLongPress(board: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let start = { x: 0, y: 0 };
  let isOpened = false;
  const control = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void, capture = false): void =>
    board.addEventListener(name, listener, { signal: control.signal, capture, passive: !capture });
  const stop = (): void => clearTimeout(timer);
  on("pointerdown", (event) => {
    isOpened = false;
    stop();
    const id = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-card]")?.dataset["card"] : undefined;
    if (event.pointerType !== "touch" || id === undefined) return;
    start = { x: event.clientX, y: event.clientY };
    timer = setTimeout(() => {
      isOpened = true;
      openCardMenu(id, start);
    }, PRESS_MS);
  });
  on("pointermove", (event) => {
    if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > STILL_PX) stop();
  });
  on("pointerup", stop);
  on("pointercancel", stop);
  on("contextmenu", stop);
  // Lifting the finger is no tap then.
  on("click", (event) => {
    if (!isOpened) return;
    isOpened = false;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  return () => {
    stop();
    control.abort();
  };
}
