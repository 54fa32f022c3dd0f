// Questions to the person, short notices, and words for screen readers. The elements are in Dialogs.tsx.
import { signal } from "@preact/signals";
import type { Undo } from "../state/undo";

export type Value = string | number | boolean | null;
export type Values = Record<string, Value>;

export interface Field {
  name: string;
  /** text (several lines) · line · time (epoch seconds) · choice · flag · profile (an assignee) · number · labels (comma-separated) */
  kind: string;
  label: string;
  isRequired?: boolean;
  choices?: readonly { value: string; label: string }[];
  value?: Value;
  hint?: string;
}

export interface AskOptions {
  title: string;
  /** Word of the button. */
  action: string;
  /** A sentence about what will happen. */
  text?: string;
  isDanger?: boolean;
  /** Sends what was entered. The dialog stays open with its text when this rejects. */
  submit?: (values: Values) => Promise<void>;
}

export interface OpenDialog {
  key: number;
  fields: readonly Field[];
  options: AskOptions;
  resolve: (values: Values | null) => void;
}

let last_key = 0;
export const dialogs = signal<readonly OpenDialog[]>([]);

/** Asks for values in a dialog; null when the person leaves it. */
export function ask(fields: readonly Field[], options: AskOptions): Promise<Values | null> {
  return new Promise((resolve) => {
    last_key += 1;
    dialogs.value = [...dialogs.peek(), { key: last_key, fields, options, resolve }];
  });
}

export async function confirm(options: AskOptions): Promise<boolean> {
  return (await ask([], options)) !== null;
}

export function closeDialog(key: number, values: Values | null): void {
  const open = dialogs.peek().find((dialog) => dialog.key === key);
  if (open === undefined) return;
  dialogs.value = dialogs.peek().filter((dialog) => dialog.key !== key);
  open.resolve(values);
}

export interface Toast {
  key: number;
  kind: "note" | "refusal";
  text: string;
  hint: string | null;
  undo: Undo | null;
  /** Further lines, behind "Details": results one by one. */
  details: readonly string[];
}

export const toasts = signal<readonly Toast[]>([]);
const NOTE_MS = 6_000;
const UNDO_MS = 10_000;
const MAX_TOASTS = 3;

export function toast(text: string, more?: Partial<Omit<Toast, "key" | "text">>): void {
  last_key += 1;
  const made: Toast = { key: last_key, text, kind: "note", hint: null, undo: null, details: [], ...more };
  toasts.value = [...toasts.peek().filter((each) => each.text !== text), made].slice(-MAX_TOASTS);
  announce(made.hint === null ? text : `${text} ${made.hint}`);
  // A refusal stays until it is read and closed.
  if (made.kind === "note" && made.details.length === 0) setTimeout(() => dropToast(made.key), made.undo === null ? NOTE_MS : UNDO_MS);
}

export function dropToast(key: number): void {
  toasts.value = toasts.peek().filter((each) => each.key !== key);
}

/** The text of the live region. Said again when it comes again: a mark that is not read out tells them apart. */
export const announcement = signal("");
let is_odd = false;

export function announce(text: string): void {
  is_odd = !is_odd;
  announcement.value = is_odd ? text : `${text}\u00a0`;
}
