// Fields of a task as text, and text as fields of an edit.

import { moment } from "../text";
import type { Task } from "../wire";
import type { Fields } from "./edit";

export function textOf(task: Task, name: string): string {
  const value = task[name];
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join(", ");
  return String(value);
}

export function numberOf(task: Task, name: string): number | null {
  const value = task[name];
  return typeof value === "number" ? value : null;
}

/** A field for people: times as times, nothing as "(empty)". */
export function wordsOf(task: Task, name: string): string {
  const number = numberOf(task, name);
  if (name.endsWith("_at") && number !== null) return moment(number, Date.now() / 1000);
  const text = textOf(task, name);
  return text === "" ? "(empty)" : text;
}

/** Epoch seconds as a field of type `datetime-local` has them, in the browser's zone. */
export function toLocal(at: number | null): string {
  if (at === null) return "";
  const date = new Date(at * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The reverse; 0 for an empty field, which clears the time. */
export function fromLocal(text: string): number | null {
  if (text === "") return 0;
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? null : Math.floor(at / 1000);
}

export function words(text: string): string[] {
  return [...new Set(text.split(",").map((word) => word.trim()).filter((word) => word !== ""))];
}

/** Which labels an edited list adds and removes. */
export function labelChange(before: string[], after: string[]): Fields | null {
  const add = after.filter((label) => !before.includes(label));
  const remove = before.filter((label) => !after.includes(label));
  if (add.length === 0 && remove.length === 0) return null;
  return { ...(add.length > 0 ? { add_labels: add } : {}), ...(remove.length > 0 ? { remove_labels: remove } : {}) };
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "90 m", "2h", "1 h 30 m" as seconds; null when it is none of it. */
export function parseLength(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*([smhd])/gi)];
  const rest = text.trim().replace(/(\d+(?:\.\d+)?)\s*([smhd])/gi, "").trim();
  if (parts.length === 0 || rest !== "") return null;
  const seconds = parts.reduce((sum, part) => sum + Number(part[1]) * (UNITS[(part[2] ?? "s").toLowerCase()] ?? 1), 0);
  return Math.round(seconds);
}
