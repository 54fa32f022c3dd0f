// Words for numbers and times. Pure.
import type { Status } from "./wire";

export interface StatusWords { word: string; sign: string; /** How things get into this column. */ arrives: string }

const WORDS: Record<string, StatusWords> = {
  triage: { word: "Triage", sign: "◇", arrives: "Ideas that nobody starts until a person lets them go on." },
  todo: { word: "Todo", sign: "○", arrives: "Tasks that wait for other tasks." },
  scheduled: { word: "Scheduled", sign: "◷", arrives: "Tasks with a start time, or parked." },
  ready: { word: "Ready", sign: "▷", arrives: "Tasks that start as soon as a slot is free." },
  running: { word: "Running", sign: "●", arrives: "Tasks that an agent works on." },
  blocked: { word: "Blocked", sign: "■", arrives: "Tasks that need an answer or a decision." },
  review: { word: "Review", sign: "◆", arrives: "Work that waits for a reviewer." },
  done: { word: "Done", sign: "✓", arrives: "Finished work, newest first." },
  archived: { word: "Archived", sign: "▫", arrives: "Put away; can be brought back." },
};

export function statusWords(status: Status): StatusWords {
  return WORDS[status] ?? { word: status, sign: "◌", arrives: "" };
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** "42 s", "4 m", "3 h 12 m", "2 d": two figures at most. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} m`;
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 === 0 || h >= 10 ? `${h} h` : `${h} h ${m % 60} m`;
  const d = Math.floor(h / 24);
  return h % 24 === 0 || d >= 4 ? `${d} d` : `${d} d ${h % 24} h`;
}

const DAY = 86_400;
const clockTime = (at: Date): string => `${at.getHours()}:${String(at.getMinutes()).padStart(2, "0")}`;

function dayNumber(at: Date): number {
  return Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / 1000 / DAY);
}

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment near now as people say it: "today 14:05", "tomorrow 9:00", "Friday 9:00", "12 Dec 9:00", "12 Dec 2027". */
export function moment(at_seconds: number, now_seconds: number): string {
  const at = new Date(at_seconds * 1000);
  const here = new Date(now_seconds * 1000);
  const days = dayNumber(at) - dayNumber(here);
  if (days === 0) return `today ${clockTime(at)}`;
  if (days === 1) return `tomorrow ${clockTime(at)}`;
  if (days === -1) return `yesterday ${clockTime(at)}`;
  if (days > 1 && days < 7) return `${WEEKDAYS[at.getDay()]} ${clockTime(at)}`;
  const date = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  if (at.getFullYear() !== here.getFullYear()) return `${date} ${at.getFullYear()}`;
  return `${date} ${clockTime(at)}`;
}

/** A moment in full, for tooltips and screen readers. */
export function exactTime(at_seconds: number): string {
  const at = new Date(at_seconds * 1000);
  const seconds = String(at.getSeconds()).padStart(2, "0");
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${clockTime(at)}:${seconds}`;
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = "B";
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** Two letters for a name: "api-dev" → "ad", "ops" → "op". */
export function initials(name: string): string {
  const parts = name.split(/[^\p{L}\p{N}]+/u).filter((part) => part !== "");
  const [first, second] = parts;
  if (first === undefined) return "?";
  return second === undefined ? first.slice(0, 2) : `${first[0]}${second[0]}`;
}

/** One of eight hues, the same for a name everywhere. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const letter of name) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hash % 8;
}
