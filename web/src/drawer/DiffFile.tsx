import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, get, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import { bytes, plural } from "../text";
import { Numbers, type ChangedFile, type TaskDiff } from "./Diff";
import { commentKey, foldedBecause, parsePatch, type FilePatch, type LineComment, type PatchLine } from "./patch";

/** More lines than this are shown only when asked for. */
const LINES_SHOWN_MAX = 5000;

const SIGNS: Record<string, string> = { added: "A", deleted: "D", modified: "M", renamed: "R", type_changed: "T" };

interface Props {
  task: string;
  run: number | null;
  file: ChangedFile;
  comments: Map<string, LineComment>;
  onComment: (comment: LineComment | null, key: string) => void;
}

export function DiffFile({ task, run, file, comments, onComment }: Props) {
  const isOpen = useSignal(false);
  const patch = useSignal<FilePatch | null>(null);
  const leftOut = useSignal<TaskDiff["left_out"]>(null);
  const problem = useSignal<Refusal | null>(null);
  const isShownAnyway = useSignal(false);
  const isReading = useRef(false);
  const folded = foldedBecause(file.path);
  const hasContent = !file.is_binary;
  const lineCount = (file.added ?? 0) + (file.deleted ?? 0);

  async function read() {
    if (isReading.current || patch.peek()) return;
    isReading.current = true;
    problem.value = null;
    try {
      const diff = await get<TaskDiff>(`/v1/tasks/${encodeURIComponent(task)}/diff`, { file: file.path, ...(run === null ? {} : { run }) });
      leftOut.value = diff.left_out;
      patch.value = parsePatch(diff.patch ?? "");
    } catch (error) {
      problem.value = asRefusal(error);
    } finally {
      isReading.current = false;
    }
  }

  const count = [...comments.values()].filter((comment) => comment.path === file.path).length;
  const isLong = lineCount > LINES_SHOWN_MAX && !isShownAnyway.value;
  return (
    <details
      class="diff-file"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
        if (isOpen.value && hasContent && !isLong) void read();
      }}
    >
      <summary>
        <span class={`diff-change is-${file.change}`} title={file.change.replace("_", " ")}>{SIGNS[file.change] ?? "?"}</span>
        <span class="mono diff-path" title={file.path}>{file.old_path ? `${file.old_path} → ` : ""}{file.path}</span>
        {folded && <span class="diff-folded">{folded}</span>}
        {file.is_submodule && <span class="diff-folded">submodule</span>}
        {count > 0 && <span class="diff-folded">{plural(count, "comment")}</span>}
        <Numbers added={file.added} deleted={file.deleted} />
      </summary>
      {isOpen.value && (
        <div class="diff-body">
          {!hasContent && <p class="diff-note">A binary file: its content is not shown.</p>}
          {hasContent && isLong && (
            <p class="diff-note">
              {plural(lineCount, "changed line")}.{" "}
              <button type="button" class="textlink" onClick={() => { isShownAnyway.value = true; void read(); }}>Show anyway</button>
            </p>
          )}
          {problem.value && <Problem refusal={problem.value} retry={() => void read()} />}
          {hasContent && !isLong && !patch.value && !problem.value && <p class="diff-note" aria-busy="true">Loading…</p>}
          {patch.value && <PatchView path={file.path} patch={patch.value} comments={comments} onComment={onComment} />}
          {leftOut.value !== null && leftOut.value.cut_bytes > 0 && <p class="diff-note">{bytes(leftOut.value.cut_bytes)} at the end are left out.</p>}
        </div>
      )}
    </details>
  );
}

interface PatchProps {
  path: string;
  patch: FilePatch;
  comments: Map<string, LineComment>;
  onComment: (comment: LineComment | null, key: string) => void;
}

function PatchView({ path, patch, comments, onComment }: PatchProps) {
  const editing = useSignal<string | null>(null);
  return (
    <>
      {patch.notes.map((note) => <p key={note} class="diff-note mono">{note}</p>)}
      {patch.hunks.length === 0 && patch.notes.length === 0 && <p class="diff-note">No changed lines.</p>}
      {patch.hunks.map((hunk, index) => (
        <div key={index} class="diff-hunk" role="group" aria-label={`${hunk.range}${hunk.place ? `, ${hunk.place}` : ""}`}>
          <div class="diff-place mono"><span>{hunk.range}</span> {hunk.place}</div>
          {hunk.lines.map((line, at) => {
            const place = placeOf(path, line);
            const key = place && commentKey(place);
            const comment = key ? comments.get(key) : undefined;
            const isEdited = key !== null && editing.value === key;
            return (
              <div key={at} class={`diff-row${line.kind === "+" ? " is-added" : line.kind === "-" ? " is-deleted" : ""}`}>
                <Row line={line} onPick={key ? () => (editing.value = isEdited ? null : key) : null} />
                {place && key && (isEdited || comment) && (
                  <Comment
                    place={place}
                    comment={comment ?? null}
                    isEdited={isEdited}
                    onEdit={() => (editing.value = key)}
                    onSave={(next) => {
                      onComment(next, key);
                      editing.value = null;
                    }}
                    onLeave={() => (editing.value = null)}
                  />
                )}
              </div>
            );
          })}
        </div>
      ))}
    </>
  );
}

function placeOf(path: string, line: PatchLine): Omit<LineComment, "text"> | null {
  if (line.new !== null) return { path, line: line.new, isOld: false, quote: line.text };
  if (line.old !== null) return { path, line: line.old, isOld: true, quote: line.text };
  return null;
}

function Row({ line, onPick }: { line: PatchLine; onPick: (() => void) | null }) {
  const number = line.new ?? line.old;
  const word = line.kind === "+" ? "added line" : line.kind === "-" ? "removed line" : "line";
  return (
    <div class="diff-line">
      {onPick ? (
        <button type="button" class="diff-number" title="Comment on this line" onClick={onPick}>
          <span class="diff-old" aria-hidden="true">{line.old ?? ""}</span>
          <span class="diff-new" aria-hidden="true">{line.new ?? ""}</span>
          <span class="unseen">Comment on {word} {number}</span>
        </button>
      ) : <span class="diff-number" />}
      <span class="diff-sign" aria-hidden="true">{line.kind === "\\" ? "" : line.kind}</span>
      <code class="diff-code">{line.text === "" ? " " : line.text}</code>
    </div>
  );
}

interface CommentProps {
  place: Omit<LineComment, "text">;
  comment: LineComment | null;
  isEdited: boolean;
  onEdit: () => void;
  onSave: (comment: LineComment | null) => void;
  onLeave: () => void;
}

function Comment({ place, comment, isEdited, onEdit, onSave, onLeave }: CommentProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    if (isEdited) field.current?.focus();
  }, [isEdited]);
  if (!isEdited && comment) {
    return (
      <div class="diff-comment">
        <p>{comment.text}</p>
        <div class="row">
          <button type="button" class="textlink" onClick={onEdit}>Edit</button>
          <button type="button" class="textlink" onClick={() => onSave(null)}>Remove</button>
        </div>
      </div>
    );
  }
  const save = () => {
    const text = field.current?.value ?? "";
    onSave(text.trim() === "" ? null : { ...place, text });
  };
  return (
    <div class="diff-comment">
      <textarea
        ref={field}
        class="input"
        rows={3}
        aria-label={`Comment on line ${place.line}`}
        placeholder="What has to change here?"
        defaultValue={comment?.text ?? ""}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            save();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            onLeave();
          }
        }}
      />
      <div class="row">
        <button type="button" class="button small" onClick={save}>Keep the comment</button>
        <button type="button" class="button quiet small" onClick={onLeave}>Cancel</button>
      </div>
    </div>
  );
}
