// The text of a log in the document: blocks of 200 lines, so that a long log costs one layout of what is seen. Text reaches the
// document as text nodes only.

import { TerminalText, type Line } from "./sgr";

const BLOCK_LINES = 200;
/** More lines than this are not kept in the page; the oldest block goes first. */
const LINES_MAX = 40_000;

export class LogText {
  private terminal = new TerminalText();
  private block: HTMLElement | null = null;
  private inBlock = 0;
  private tail: HTMLElement;
  /** Lines in the document, without the open one. */
  lineCount = 0;
  /** Lines that were taken out of the document. */
  droppedLines = 0;

  constructor(private readonly root: HTMLElement) {
    root.textContent = "";
    this.tail = document.createElement("div");
    this.tail.className = "log-tail";
    root.append(this.tail);
  }

  /** Adds a chunk; gives the number of lines that it completed. */
  push(chunk: string): number {
    const lines = this.terminal.push(chunk);
    let fragment: DocumentFragment | null = null;
    for (const line of lines) {
      if (!this.block || this.inBlock >= BLOCK_LINES) {
        if (this.block && fragment) this.block.append(fragment);
        this.block = document.createElement("div");
        this.block.className = "log-block";
        this.root.insertBefore(this.block, this.tail);
        this.inBlock = 0;
        fragment = null;
      }
      fragment ??= document.createDocumentFragment();
      addLine(fragment, line, true);
      this.inBlock += 1;
    }
    if (this.block && fragment) this.block.append(fragment);
    const open = document.createDocumentFragment();
    addLine(open, this.terminal.open(), false);
    this.tail.replaceChildren(open);
    this.lineCount += lines.length;
    this.trim();
    return lines.length;
  }

  private trim(): void {
    while (this.lineCount > LINES_MAX) {
      const first = this.root.firstElementChild;
      if (!first || first === this.tail || first === this.block) return;
      first.remove();
      this.lineCount -= BLOCK_LINES;
      this.droppedLines += BLOCK_LINES;
    }
  }
}

/** Appends a line; neighbours without a style become one text node. */
function addLine(to: DocumentFragment, line: Line, isEnded: boolean): void {
  for (const { text, style } of line) {
    if (style === "") addText(to, text);
    else {
      const span = document.createElement("span");
      span.className = style;
      span.append(text);
      to.append(span);
    }
  }
  if (isEnded) addText(to, "\n");
}

function addText(to: DocumentFragment, text: string): void {
  const last = to.lastChild;
  if (last instanceof Text) last.appendData(text);
  else to.append(text);
}

/** Where a text occurs, case apart: ranges in order, at most `limit`. An occurrence may lie across several nodes. */
export function findRanges(root: HTMLElement, wanted: string, limit: number): Range[] {
  const needle = wanted.toLowerCase();
  if (needle === "") return [];
  const found: Range[] = [];
  for (const block of root.children) {
    const nodes: Text[] = [];
    const starts: number[] = [];
    let text = "";
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      starts.push(text.length);
      nodes.push(node as Text);
      text += (node as Text).data;
    }
    // Lower case of a few letters is longer than they are; positions hold only where it is not.
    const lower = text.toLowerCase();
    const haystack = lower.length === text.length ? lower : text;
    for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length)) {
      const range = document.createRange();
      setPoint(range, "start", nodes, starts, at);
      setPoint(range, "end", nodes, starts, at + needle.length);
      found.push(range);
      if (found.length >= limit) return found;
    }
  }
  return found;
}

function setPoint(range: Range, which: "start" | "end", nodes: Text[], starts: number[], at: number): void {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const isBefore = which === "start" ? (starts[middle] ?? 0) <= at : (starts[middle] ?? 0) < at;
    if (isBefore) low = middle;
    else high = middle - 1;
  }
  const node = nodes[low];
  if (!node) return;
  const offset = Math.min(at - (starts[low] ?? 0), node.data.length);
  if (which === "start") range.setStart(node, offset);
  else range.setEnd(node, offset);
}
