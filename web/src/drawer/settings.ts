// What the drawer remembers in this browser.

import { effect, signal, type Signal } from "@preact/signals";

export const WIDTH_MIN_PX = 480;
export const WIDTH_MAX_PX = 960;

/** A value that the browser keeps; its storage may be off or full, which costs nothing but the memory. */
export function remembered<T>(name: string, initial: T, isValid: (value: unknown) => value is T): Signal<T> {
  const key = `kanband.${name}`;
  let first = initial;
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    if (isValid(stored)) first = stored;
  } catch {
    // Not JSON, or no storage: the initial value.
  }
  const value = signal(first);
  let isFirst = true;
  effect(() => {
    const text = JSON.stringify(value.value);
    if (isFirst) {
      isFirst = false;
      return;
    }
    try {
      localStorage.setItem(key, text);
    } catch {
      // As above.
    }
  });
  return value;
}

const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isWidth = (value: unknown): value is number => typeof value === "number" && value >= WIDTH_MIN_PX && value <= WIDTH_MAX_PX;

export const drawerWidth = remembered("drawer.width", 560, isWidth);
export const isWrapped = remembered("log.wrap", true, isFlag);
