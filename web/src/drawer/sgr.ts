// Output of a terminal as text with styles. Of the escapes only colours and weights (SGR) have a meaning here; every other one is
// dropped, whole, so that a log can neither move a cursor nor set a title. Chunks may end inside an escape.

/** A piece of a line; `style` is a list of class names, empty for plain text. */
export interface Piece {
  text: string;
  style: string;
}
export type Line = Piece[];

interface Style {
  front: number | null;
  back: number | null;
  flags: Set<string>;
}

const ESC = "\x1b";
/** A string that no terminator ends is not waited for longer than this. */
const ESCAPE_MAX = 4096;

/** Flags by SGR number: on and off. */
const ON: Record<number, string> = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "inverse", 9: "strike", 21: "under" };
const OFF: Record<number, string[]> = { 22: ["bold", "dim"], 23: ["italic"], 24: ["under"], 27: ["inverse"], 29: ["strike"] };

export class TerminalText {
  private style: Style = { front: null, back: null, flags: new Set() };
  private names = "";
  private rest = "";
  private line: Line = [];
  private returned = false;

  /** Takes a chunk; gives the lines that it completed. */
  push(chunk: string): Line[] {
    const text = this.rest + chunk;
    this.rest = "";
    const done: Line[] = [];
    let at = 0;
    while (at < text.length) {
      const next = plainEnd(text, at);
      if (next > at) {
        this.write(text.slice(at, next));
        at = next;
        continue;
      }
      const char = text.charAt(at);
      if (char === ESC || char === "\x9b") {
        const end = escapeEnd(text, at);
        if (end === null) {
          this.rest = text.length - at > ESCAPE_MAX ? "" : text.slice(at);
          return done;
        }
        this.escape(text.slice(at, end));
        at = end;
        continue;
      }
      if (char === "\n") {
        done.push(this.line);
        this.line = [];
        this.returned = false;
      } else if (char === "\r") {
        this.returned = true;
      }
      at += 1;
    }
    return done;
  }

  /** The line that no end has come for. */
  open(): Line {
    return this.line;
  }

  private write(text: string): void {
    // What follows a carriage return is written over the line, as progress bars do it.
    if (this.returned) {
      this.line = [];
      this.returned = false;
    }
    const last = this.line[this.line.length - 1];
    if (last && last.style === this.names) last.text += text;
    else this.line.push({ text, style: this.names });
  }

  private escape(sequence: string): void {
    const match = /^(?:\x1b\[|\x9b)([0-9;:]*)m$/.exec(sequence);
    if (!match) return;
    this.style = applied(this.style, numbers(match[1] ?? ""));
    this.names = names(this.style);
  }
}

/** Text without any escape, as for a search or a tooltip. */
export function plainText(text: string): string {
  const terminal = new TerminalText();
  const lines = terminal.push(text);
  return [...lines, terminal.open()].map((line) => line.map((piece) => piece.text).join("")).join("\n");
}

/** End of the text from `at` that holds no control character but the tabulator. */
function plainEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if ((code < 0x20 && code !== 0x09) || (code >= 0x7f && code <= 0x9f)) break;
    end += 1;
  }
  return end;
}

/** End of the escape that begins at `at`; null when it is not whole yet. */
function escapeEnd(text: string, at: number): number | null {
  if (text.charAt(at) === "\x9b") return controlEnd(text, at + 1);
  const kind = text.charAt(at + 1);
  if (kind === "") return null;
  if (kind === "[") return controlEnd(text, at + 2);
  if ("]PX^_".includes(kind)) return stringEnd(text, at + 2);
  // Intermediate bytes, then a final one.
  let end = at + 1;
  while (end < text.length && isIn(text, end, 0x20, 0x2f)) end += 1;
  return end < text.length ? end + 1 : null;
}

function controlEnd(text: string, from: number): number | null {
  let end = from;
  while (end < text.length && isIn(text, end, 0x20, 0x3f)) end += 1;
  if (end >= text.length) return null;
  // A byte that cannot end the sequence breaks it off and stands for itself.
  return isIn(text, end, 0x40, 0x7e) ? end + 1 : end;
}

function stringEnd(text: string, from: number): number | null {
  for (let end = from; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === "\x07" || char === "\x9c") return end + 1;
    if (char === "\n") return end;
    if (char !== ESC) continue;
    if (end + 1 >= text.length) return null;
    return text.charAt(end + 1) === "\\" ? end + 2 : end;
  }
  return null;
}

function isIn(text: string, at: number, low: number, high: number): boolean {
  const code = text.charCodeAt(at);
  return code >= low && code <= high;
}

function numbers(text: string): number[] {
  return text === "" ? [0] : text.split(/[;:]/).map((word) => (word === "" ? 0 : Number(word)));
}

function applied(style: Style, codes: number[]): Style {
  const next: Style = { front: style.front, back: style.back, flags: new Set(style.flags) };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) {
      next.front = next.back = null;
      next.flags.clear();
    } else if (ON[code]) next.flags.add(ON[code]);
    else if (OFF[code]) for (const flag of OFF[code]) next.flags.delete(flag);
    else if (code >= 30 && code <= 37) next.front = code - 30;
    else if (code >= 90 && code <= 97) next.front = code - 82;
    else if (code === 39) next.front = null;
    else if (code >= 40 && code <= 47) next.back = code - 40;
    else if (code >= 100 && code <= 107) next.back = code - 92;
    else if (code === 49) next.back = null;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      if (code === 38) next.front = colour;
      else next.back = colour;
      at += used;
    }
  }
  return next;
}

/** A colour of 256 or of three bytes, as the nearest of the sixteen that have a class; and how many numbers it took. */
function extended(codes: number[]): [number | null, number] {
  if (codes[0] === 5) return [ofPalette(codes[1] ?? 0), 2];
  if (codes[0] === 2) return [nearest(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), 4];
  return [null, codes.length];
}

function ofPalette(index: number): number {
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const step = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return nearest(step(Math.floor(cube / 36)), step(Math.floor(cube / 6) % 6), step(cube % 6));
}

/** The usual sixteen, by which colours are compared. What they look like is said in the style sheet. */
const SIXTEEN: [number, number, number][] = [
  [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
  [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
];

function nearest(red: number, green: number, blue: number): number {
  let best = 0;
  let least = Infinity;
  SIXTEEN.forEach(([r, g, b], index) => {
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

function names(style: Style): string {
  const list: string[] = [...style.flags].map((flag) => `sgr-${flag}`);
  if (style.front !== null) list.push(`sgr-f${style.front}`);
  if (style.back !== null) list.push(`sgr-b${style.back}`);
  return list.join(" ");
}
