// Times as people write them. Pure.

const UNITS: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 };
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function at(base: Date, days: number, hours: number, minutes: number): number {
  return Math.floor(new Date(base.getFullYear(), base.getMonth(), base.getDate() + days, hours, minutes, 0).getTime() / 1000);
}

function clockOf(text: string | undefined): [number, number] | null {
  if (text === undefined || text === "") return [9, 0];
  const match = /^(\d{1,2})(?::(\d{2}))?\s*(am|pm)?$/.exec(text.trim());
  if (match === null) return null;
  let hours = Number(match[1]);
  const minutes = Number(match[2] ?? 0);
  if (match[3] !== undefined) hours = (hours % 12) + (match[3] === "pm" ? 12 : 0);
  return hours > 23 || minutes > 59 ? null : [hours, minutes];
}

/** Epoch seconds of "in 2h", "90m", "14:00", "today 14:00", "tomorrow", "fri 9:00", "2027-01-31", "2027-01-31 14:00"; else null. */
export function parseTime(typed: string, now_seconds: number): number | null {
  const text = typed.trim().toLowerCase().replace(/\s+/g, " ");
  if (text === "") return null;
  const base = new Date(now_seconds * 1000);
  const delay = /^(?:in )?(\d+(?:\.\d+)?) ?(s|m|min|h|d|w)$/.exec(text);
  if (delay !== null) return Math.round(now_seconds + Number(delay[1]) * (UNITS[delay[2] as string] ?? 1));
  const date = /^(\d{4})-(\d{2})-(\d{2})(?:[t ](\d{1,2}:\d{2}))?$/.exec(text);
  if (date !== null) {
    const clock = clockOf(date[4] ?? "9:00");
    if (clock === null) return null;
    const found = new Date(Number(date[1]), Number(date[2]) - 1, Number(date[3]), clock[0], clock[1]);
    return found.getDate() === Number(date[3]) ? Math.floor(found.getTime() / 1000) : null;
  }
  const clock_only = /^\d{1,2}:\d{2}$/.test(text) ? clockOf(text) : null;
  if (clock_only !== null) {
    const today = at(base, 0, clock_only[0], clock_only[1]);
    return today > now_seconds ? today : at(base, 1, clock_only[0], clock_only[1]);
  }
  const day = /^(today|tomorrow|(?:next )?(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*) ?(.*)$/.exec(text);
  if (day === null) return null;
  const clock = clockOf(day[2]);
  if (clock === null) return null;
  const word = (day[1] as string).replace("next ", "");
  if (word === "today") return at(base, 0, clock[0], clock[1]);
  if (word === "tomorrow") return at(base, 1, clock[0], clock[1]);
  const wanted = DAYS.indexOf(word.slice(0, 3));
  const ahead = (wanted - base.getDay() + 7) % 7 || 7;
  return at(base, ahead, clock[0], clock[1]);
}

/** "2027-01-31 14:00" in this browser's zone: what `parseTime` reads back. */
export function printLocal(at_seconds: number): string {
  const date = new Date(at_seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function quickTimes(now_seconds: number): { label: string; at: number }[] {
  const base = new Date(now_seconds * 1000);
  const monday = (1 - base.getDay() + 7) % 7 || 7;
  return [
    { label: "In 1 h", at: now_seconds + 3600 },
    { label: "Tonight 20:00", at: at(base, base.getHours() >= 20 ? 1 : 0, 20, 0) },
    { label: "Tomorrow 9:00", at: at(base, 1, 9, 0) },
    { label: "Monday 9:00", at: at(base, monday, 9, 0) },
  ];
}

/** "90", "90s", "45m", "2h", "1h30m" as seconds; else null. */
export function parseDuration(typed: string): number | null {
  const text = typed.trim().toLowerCase().replace(/\s+/g, "");
  if (/^\d+$/.test(text)) return Number(text);
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (match === null || text === "") return null;
  return Number(match[1] ?? 0) * 86_400 + Number(match[2] ?? 0) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
}
