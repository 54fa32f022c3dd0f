// Reading a unified diff as git writes it, and turning comments on its lines into words for the worker.

export interface PatchLine {
  /** " " context, "+" added, "-" removed, "\\" a remark of git. */
  kind: string;
  old: number | null;
  new: number | null;
  text: string;
}
export interface Hunk {
  /** What follows the second @@: the function around it. */
  place: string;
  range: string;
  lines: PatchLine[];
}
export interface FilePatch {
  /** Lines before the first hunk that say something: modes, renames, binary. */
  notes: string[];
  hunks: Hunk[];
  lineCount: number;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;
/** What the list of files says already. */
const NO_NOTE = /^(diff --git |index |--- |\+\+\+ |new file mode |deleted file mode |$)/;

/** The patch of one file. */
export function parsePatch(text: string): FilePatch {
  const file: FilePatch = { notes: [], hunks: [], lineCount: 0 };
  let hunk: Hunk | null = null;
  let [oldLine, newLine, oldLeft, newLeft] = [0, 0, 0, 0];
  for (const line of text.split("\n")) {
    // No line of a hunk begins with this sign, whatever the numbers of its head say.
    const head = HUNK.exec(line);
    if (head) {
      oldLine = Number(head[1]);
      newLine = Number(head[3]);
      oldLeft = Number(head[2] ?? 1);
      newLeft = Number(head[4] ?? 1);
      hunk = { place: head[5] ?? "", range: `line ${newLine}`, lines: [] };
      file.hunks.push(hunk);
      continue;
    }
    if (!hunk) {
      if (!NO_NOTE.test(line)) file.notes.push(line);
      continue;
    }
    const kind = line.charAt(0);
    const content = line.slice(1).replace(/\r$/, "");
    if (kind === "\\") {
      hunk.lines.push({ kind, old: null, new: null, text: line.slice(2) });
      continue;
    }
    if ((oldLeft <= 0 && newLeft <= 0) || !" +-".includes(kind)) {
      // Past the end of the hunk: the empty line at the end of the text, or the head of another file.
      if (line !== "") hunk = null;
      continue;
    }
    file.lineCount += 1;
    if (kind === "+") {
      hunk.lines.push({ kind, old: null, new: newLine, text: content });
      newLine += 1;
      newLeft -= 1;
    } else if (kind === "-") {
      hunk.lines.push({ kind, old: oldLine, new: null, text: content });
      oldLine += 1;
      oldLeft -= 1;
    } else {
      hunk.lines.push({ kind: " ", old: oldLine, new: newLine, text: content });
      oldLine += 1;
      newLine += 1;
      oldLeft -= 1;
      newLeft -= 1;
    }
  }
  return file;
}

/** A comment on a line of a diff. */
export interface LineComment {
  path: string;
  /** The line of the new file, or of the old one where it was removed. */
  line: number;
  isOld: boolean;
  quote: string;
  text: string;
}

export function commentKey(comment: Pick<LineComment, "path" | "line" | "isOld">): string {
  return `${comment.isOld ? "-" : "+"}${comment.line}:${comment.path}`;
}

/** All comments as one text: each with its path, its line and what stands there. */
export function commentsToText(opening: string, comments: LineComment[]): string {
  const sorted = [...comments].sort((a, b) => compare(a.path, b.path) || a.line - b.line || Number(b.isOld) - Number(a.isOld));
  const parts = sorted.map((comment) => {
    const place = `${code(comment.path)}, ${comment.isOld ? "removed line" : "line"} ${comment.line}:`;
    return `${place}\n\n${quoted(comment.quote)}\n\n${comment.text.trim()}`;
  });
  const head = opening.trim();
  return (head === "" ? parts : [head, ...parts]).join("\n\n");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As inline code; a fence longer than every run of backquotes inside keeps it whole. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${text}${fence}` : `${fence} ${text} ${fence}`;
}

function quoted(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

const LOCKS = /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|[Cc]argo\.lock|poetry\.lock|uv\.lock|Pipfile\.lock|Gemfile\.lock|composer\.lock|go\.sum|flake\.lock|mix\.lock|Podfile\.lock|packages\.lock\.json)$/;
const GENERATED = /(^|\/)(dist|vendor|node_modules|third_party|__generated__|generated)\/|\.(min\.(js|css)|map|snap|pb\.go|pb\.rs|g\.dart)$|_pb2(_grpc)?\.py$/;

/** Why a file is folded at first; null for what people write. */
export function foldedBecause(path: string): string | null {
  if (LOCKS.test(path)) return "lock file";
  if (GENERATED.test(path)) return "generated";
  return null;
}
