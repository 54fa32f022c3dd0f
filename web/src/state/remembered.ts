// Choices of the person that this browser keeps, not the daemon.
import { effect, signal, type Signal } from "@preact/signals";

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
