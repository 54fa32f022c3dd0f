// A read that a page shows, with what can go wrong.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asRefusal, get, isAborted, type Query, type Refusal } from "../api";

export interface Read<T> {
  value: Signal<T | null>;
  problem: Signal<Refusal | null>;
  again: () => void;
}

/** Reads `path` when the part is shown, when `path` or `query` change, and when `again` is called; the old value stays meanwhile. */
export function useRead<T>(path: string | null, query: Query = {}): Read<T> {
  const value = useSignal<T | null>(null);
  const problem = useSignal<Refusal | null>(null);
  const attempt = useSignal(0);
  const words = JSON.stringify(query);
  useEffect(() => {
    if (path === null) return;
    const ended = new AbortController();
    get<T>(path, query, ended.signal).then(
      (read) => {
        value.value = read;
        problem.value = null;
      },
      (error: unknown) => {
        if (!isAborted(error)) problem.value = asRefusal(error);
      },
    );
    return () => ended.abort();
  }, [path, words, attempt.value]);
  return { value, problem, again: () => void (attempt.value += 1) };
}
