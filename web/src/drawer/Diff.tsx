import { useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asRefusal, get, isAborted, post, type Refusal } from "../api";
import { announce, toast } from "../dialog";
import { Problem } from "../parts/Problem";
import { plural } from "../text";
import { canWrite } from "../state/status";
import type { Card } from "../wire";
import { DiffFile } from "./DiffFile";
import { commentsToText, type LineComment } from "./patch";

/** A changed file as `GET /v1/tasks/{id}/diff` lists it. */
export interface ChangedFile {
  path: string;
  old_path: string | null;
  change: string;
  added: number | null;
  deleted: number | null;
  is_binary: boolean;
  is_submodule: boolean;
}
export interface TaskDiff {
  base_branch: string | null;
  base_commit: string;
  branch: string | null;
  head: string;
  added: number;
  deleted: number;
  file_count: number;
  files: ChangedFile[];
  has_uncommitted: boolean;
  notes: string[];
  patch: string | null;
  left_out: { cut_bytes: number; file_count: number; files: string[]; is_more: boolean } | null;
  run_id: number | null;
}

/** Comments that are not sent yet, by task: they outlive a change of the tab or of the task. */
const drafts = new Map<string, Signal<Map<string, LineComment>>>();

export function Diff({ card, run }: { card: Card; run: number | null }) {
  const diff = useSignal<TaskDiff | null>(null);
  const problem = useSignal<Refusal | null>(null);
  const attempt = useSignal(0);
  const opening = useSignal("");
  const problemOfSending = useSignal<Refusal | null>(null);
  const isSending = useSignal(false);
  const fresh = useSignal<Map<string, LineComment>>(new Map());
  const comments = drafts.get(card.id) ?? fresh;
  drafts.set(card.id, comments);
  // Only what was written is kept.
  useEffect(() => () => {
    if (comments.peek().size === 0) drafts.delete(card.id);
  }, [card.id]);
  const list = useComputed(() => [...comments.value.values()]);

  useEffect(() => {
    const ended = new AbortController();
    problem.value = null;
    get<TaskDiff>(`/v1/tasks/${encodeURIComponent(card.id)}/diff`, run === null ? {} : { run }, ended.signal).then(
      (read) => (diff.value = read),
      (error: unknown) => {
        if (!isAborted(error)) problem.value = asRefusal(error);
      },
    );
    return () => ended.abort();
  }, [card.id, run, attempt.value]);

  if (problem.value) {
    if (problem.value.code === "not_found") return <p class="empty-line">{problem.value.message}</p>;
    return <Problem refusal={problem.value} retry={() => (attempt.value += 1)} />;
  }
  const shown = diff.value;
  if (!shown) return <p class="empty-line" aria-busy="true">Comparing…</p>;

  const change = (comment: LineComment | null, key: string) => {
    const next = new Map(comments.value);
    if (comment) next.set(key, comment);
    else next.delete(key);
    comments.value = next;
  };
  const isReview = card.status === "review";

  async function send(asChanges: boolean) {
    const text = commentsToText(opening.value, list.value);
    if (isSending.value) return;
    isSending.value = true;
    problemOfSending.value = null;
    const path = `/v1/tasks/${encodeURIComponent(card.id)}/${asChanges ? "request_changes" : "comment"}`;
    try {
      await post(path, asChanges ? { what: text } : { body: text });
      comments.value = new Map();
      opening.value = "";
      toast(asChanges ? "Changes requested." : "Comment added.");
    } catch (error) {
      problemOfSending.value = asRefusal(error);
      announce(problemOfSending.value.message);
    } finally {
      isSending.value = false;
    }
  }

  return (
    <div class="diff">
      <div class="diff-head">
        <span class="mono diff-branches">{shown.base_branch ?? shown.base_commit.slice(0, 10)} … {shown.branch ?? shown.head.slice(0, 10)}</span>
        <span>{plural(shown.file_count, "file")}</span>
        <Numbers added={shown.added} deleted={shown.deleted} />
        {run !== null && <span>as run {run} left it</span>}
        {shown.has_uncommitted && <span>with uncommitted changes</span>}
        <button type="button" class="button quiet small" onClick={() => (attempt.value += 1)} title="Compare again">Again</button>
      </div>
      {shown.notes.map((note) => <p key={note} class="diff-note">{note}</p>)}
      {shown.files.length === 0 && <p class="empty-line">Nothing was changed.</p>}
      <ul class="diff-files">
        {shown.files.map((file) => (
          <li key={`${shown.head}:${attempt.value}:${file.path}`}>
            <DiffFile task={card.id} run={run} file={file} comments={comments.value} onComment={change} />
          </li>
        ))}
      </ul>
      {shown.file_count > shown.files.length && <p class="diff-note">{plural(shown.file_count - shown.files.length, "more file")} not listed.</p>}
      {list.value.length > 0 && (
        <form
          class="diff-send"
          onSubmit={(event) => {
            event.preventDefault();
            void send(isReview);
          }}
        >
          <label class="diff-opening">
            <span>{plural(list.value.length, "line comment")} will be one {isReview ? "request for changes" : "comment"}.</span>
            <textarea class="input" rows={2} placeholder="In general… (optional)" value={opening.value} onInput={(event) => (opening.value = event.currentTarget.value)} />
          </label>
          {problemOfSending.value && <Problem refusal={problemOfSending.value} />}
          <div class="row">
            <button type="submit" class="button main" disabled={isSending.value || !canWrite.value}>{isReview ? "Request changes" : "Add as a comment"}</button>
            {isReview && <button type="button" class="button" onClick={() => void send(false)}>Add as a comment only</button>}
            <button type="button" class="button quiet small" onClick={() => (comments.value = new Map())}>Drop all</button>
          </div>
        </form>
      )}
    </div>
  );
}

export function Numbers({ added, deleted }: { added: number | null; deleted: number | null }) {
  if (added === null || deleted === null) return <span class="diff-binary">binary</span>;
  return (
    <span class="diff-numbers">
      <span class="is-added"><span aria-hidden="true">+{added}</span><span class="unseen">{plural(added, "line")} added,</span></span>{" "}
      <span class="is-deleted"><span aria-hidden="true">−{deleted}</span><span class="unseen">{plural(deleted, "line")} deleted</span></span>
    </span>
  );
}
