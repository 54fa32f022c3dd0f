// The page's own table of keys, read as text: its module wants a browser.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const source = readFileSync(join(process.env["KANBAND_WEB"] ?? ".", "src/keys.ts"), "utf8");
const rows = [...source.matchAll(/\{ id: "([^"]+)", keys: \[(.*?)\], where.*?label: "([^"]+)"/g)];

export const KEYS = rows.map(([, id = "", keys = "", label = ""]) => ({ id, label, keys: JSON.parse(`[${keys}]`) as string[] }));
if (KEYS.length < 40) throw new Error("src/keys.ts has another shape");

const NAMES: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function printKey(key: string): string {
  if (key === " ") return "Space";
  return key.split(" ").map((part) => part.split("+").map((each) => (each === "Mod" ? "Ctrl" : (NAMES[each] ?? each))).join(" ")).join(" then ");
}
