import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, isAborted, post, type Refusal } from "../api";
import { announce } from "../dialog";
import { Html } from "../parts/Html";
import { Problem } from "../parts/Problem";
import { canWrite } from "../state/status";
import type { Rendered, Task, TaskView } from "../wire";
import { Conflict } from "./Conflict";
import { saveEdit } from "./edit";

/** Texts that were begun and not saved, by task: they outlive another task in the drawer, not the page. */
const drafts = new Map<string, { text: string; seen: Task }>();

/** The description: rendered, and edited as Markdown with a preview. */
export function Body({ view, onSaved }: { view: TaskView; onSaved: () => void }) {
  const { task } = view;
  const isEdited = useSignal(drafts.has(task.id));
  if (isEdited.value) return <BodyEditor task={task} onClose={(isSaved) => { isEdited.value = false; if (isSaved) onSaved(); }} />;
  const isEmpty = (task.body ?? "").trim() === "";
  const edit = () => {
    drafts.set(task.id, { text: task.body ?? "", seen: task });
    isEdited.value = true;
  };
  return (
    <section class="body" aria-label="Description">
      {isEmpty ? (
        <button type="button" class="body-empty" onClick={edit}>No description. Say what has to be done…</button>
      ) : (
        <>
          <button type="button" class="button quiet small body-edit" onClick={edit}>Edit</button>
          <Html html={view.body_html} />
          {!view.body_is_whole && <Rest task={task} />}
        </>
      )}
    </section>
  );
}

/** A very long description is rendered to a part; the rest is shown as it is written. */
function Rest({ task }: { task: Task }) {
  const isShown = useSignal(false);
  if (isShown.value) return <pre class="body-whole">{task.body}</pre>;
  return <p class="muted">This is the beginning. <button type="button" class="textlink" onClick={() => (isShown.value = true)}>Show all of it as text</button></p>;
}

function BodyEditor({ task, onClose }: { task: Task; onClose: (isSaved: boolean) => void }) {
  const draft = drafts.get(task.id) ?? { text: task.body ?? "", seen: task };
  const preview = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const problem = useSignal<Refusal | null>(null);
  const conflict = useSignal<{ current: Task; fields: string[] } | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  useLayoutEffect(() => field.current?.focus(), []);

  const close = (isSaved: boolean) => {
    drafts.delete(task.id);
    onClose(isSaved);
  };

  async function save(over: Task) {
    if (isBusy.value || !canWrite.peek()) return;
    const text = drafts.get(task.id)?.text ?? draft.text;
    if (text === (over.body ?? "")) return close(false);
    isBusy.value = true;
    problem.value = null;
    const outcome = await saveEdit(over, { body: text });
    isBusy.value = false;
    if (outcome.kind === "saved") {
      announce("Description saved.");
      close(true);
    } else if (outcome.kind === "refused") problem.value = outcome.refusal;
    else conflict.value = outcome;
  }

  async function show() {
    if (preview.value !== null) {
      preview.value = null;
      return;
    }
    try {
      const { value } = await post<Rendered>("/v1/render", { text: drafts.get(task.id)?.text ?? "" });
      preview.value = value.html;
    } catch (error) {
      if (!isAborted(error)) problem.value = asRefusal(error);
    }
  }

  return (
    <section class="body-editor" aria-label="Description">
      {preview.value !== null ? <div class="body-preview"><Html html={preview.value} /></div> : (
        <textarea
          ref={field}
          class="input"
          aria-label="Description, as Markdown"
          rows={14}
          defaultValue={draft.text}
          onInput={(event) => drafts.set(task.id, { ...draft, text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              void save(draft.seen);
            } else if (event.key === "Escape") {
              event.preventDefault();
              event.stopPropagation();
              // What was typed is not thrown away by a slip: leaving a changed text takes the button.
              if ((drafts.get(task.id)?.text ?? "") === (task.body ?? "")) close(false);
            }
          }}
        />
      )}
      <div class="row">
        <button type="button" class="button main" disabled={isBusy.value || !canWrite.value} onClick={() => void save(draft.seen)}>Save</button>
        <button type="button" class="button quiet" aria-pressed={preview.value !== null} onClick={() => void show()}>Preview</button>
        <button type="button" class="button quiet" onClick={() => close(false)}>Cancel</button>
        <span class="meta">Markdown · Ctrl Enter saves</span>
      </div>
      {problem.value && <Problem refusal={problem.value} />}
      {conflict.value && (
        <Conflict
          label="The description"
          mine={drafts.get(task.id)?.text ?? ""}
          current={conflict.value.current}
          fields={conflict.value.fields}
          onMine={() => {
            const current = conflict.value?.current ?? task;
            drafts.set(task.id, { text: drafts.get(task.id)?.text ?? "", seen: current });
            conflict.value = null;
            void save(current);
          }}
          onTheirs={() => close(true)}
        />
      )}
    </section>
  );
}
