// Creating a task with every field. The first screen is what most tasks need; the rest is one click away.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asRefusal, type Refusal } from "../api";
import { AssigneeInput } from "../dialog/AssigneeInput";
import { TimeInput } from "../dialog/TimeInput";
import { focusCard } from "../board/focus";
import { untilPassed } from "../state/stream";
import { facets } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { openTask } from "../state/view";
import { BodyField } from "./BodyField";
import { LabelsField } from "./LabelsField";
import { MoreFields } from "./MoreFields";
import { ParentsField } from "./ParentsField";
import { createTask } from "./create";
import { draftOf, firstDraft, fieldFaults, landing, taskOf, type Draft } from "./draft";
import { composer, type Preset } from "./state";
import "./composer.css";

export function Composer() {
  const preset = composer.value;
  return preset === null ? null : <Form preset={preset} />;
}

/** What was typed and not created, kept while the page is open. */
let left: Draft | null = null;

function Form({ preset }: { preset: Preset }) {
  const box = useRef<HTMLDialogElement>(null);
  const before = useRef<Element | null>(document.activeElement);
  const [draft, setDraft] = useState<Draft>(() => (left !== null && preset.title === undefined && preset.parents === undefined ? { ...left, column: preset.column ?? left.column } : draftOf(preset)));
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [hasMore, setMore] = useState(() => preset.column === "scheduled");
  const set = (change: Partial<Draft>): void => setDraft((old) => ({ ...old, ...change }));
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    box.current?.querySelector<HTMLElement>('[name="title"]')?.focus();
    return () => {
      dialog?.close();
      const old = before.current;
      if (old instanceof HTMLElement && old.isConnected && old !== document.body) old.focus();
    };
  }, []);
  const faults = fieldFaults(draft);
  const close = (keeps: boolean): void => {
    left = keeps && JSON.stringify(draft) !== JSON.stringify(firstDraft()) ? draft : null;
    composer.value = null;
  };
  const submit = async (then: "close" | "open" | "next"): Promise<void> => {
    setTried(true);
    const [first] = Object.keys(faults);
    if (first !== undefined) {
      if (first !== "title") setMore(true);
      requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus());
      return;
    }
    setBusy(true);
    setRefusal(null);
    try {
      const made = await createTask(taskOf(draft));
      if (then === "next") {
        // The next task often differs by its words alone.
        set({ title: "", body: "" });
        setTried(false);
        box.current?.querySelector<HTMLElement>('[name="title"]')?.focus();
        return;
      }
      // The focus goes to what was made, not back to where the form was opened.
      before.current = null;
      close(false);
      if (then === "open") openTask(made.id);
      else void untilPassed(made.cursor).then(() => requestAnimationFrame(() => focusCard(made.id) || focusCard()));
    } catch (error) {
      setRefusal(asRefusal(error));
    } finally {
      setBusy(false);
    }
  };
  const fault = (name: string) => (isTried ? faults[name] : undefined);
  return (
    <dialog
      ref={box}
      class="dialog composer"
      aria-labelledby="composer-title"
      onCancel={(event) => {
        event.preventDefault();
        close(true);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          void submit(event.shiftKey ? "next" : "close");
        }
      }}
    >
      <form noValidate onSubmit={(event) => { event.preventDefault(); void submit("close"); }}>
        <div class="row">
          <h2 id="composer-title">New task</h2>
          <span class="spread" />
          <button type="button" class="button quiet icon small" aria-label="Close" onClick={() => close(true)}>✕</button>
        </div>
        <div class="field">
          <label class="unseen" for="composer-name">Title</label>
          <input id="composer-name" name="title" class="input composer-name" type="text" autocomplete="off" placeholder="What to do, in one line" value={draft.title} aria-invalid={fault("title") !== undefined} aria-required={true} onInput={(event) => set({ title: event.currentTarget.value })} />
          {fault("title") !== undefined && <p class="fault">{fault("title")}</p>}
        </div>
        <BodyField value={draft.body} onChange={(body) => set({ body })} />
        <div class="composer-grid">
          <div class="field">
            <label for="composer-assignee">Assignee</label>
            <AssigneeInput id="composer-assignee" name="assignee" value={draft.assignee} onChange={(assignee) => set({ assignee })} />
          </div>
          <div class="field">
            <label for="composer-priority">Priority</label>
            <input id="composer-priority" name="priority" class="input" type="number" value={draft.priority} onInput={(event) => set({ priority: event.currentTarget.value })} />
            <p class="meta">Higher starts first.</p>
          </div>
          <LabelsField value={draft.labels} known={facets.value.labels.map((each) => each.name)} onChange={(labels) => set({ labels })} />
          <ParentsField value={draft.parents} onChange={(parents) => set({ parents })} />
          <div class="field">
            <label for="composer-start">Start</label>
            <TimeInput id="composer-start" name="start_at" class="input" value={draft.start_at} aria-invalid={fault("start_at") !== undefined} onChange={(at) => set({ start_at: at as number | null })} />
            {fault("start_at") !== undefined && <p class="fault">{fault("start_at")}</p>}
          </div>
          <div class="field">
            <label for="composer-due">Due</label>
            <TimeInput id="composer-due" name="due_at" class="input" value={draft.due_at} onChange={(at) => set({ due_at: at as number | null })} />
          </div>
        </div>
        <label class="flag">
          <input type="checkbox" checked={draft.triage} onChange={(event) => set({ triage: event.currentTarget.checked })} />
          <span>Into triage: nothing starts it until a person lets it go on</span>
        </label>
        <details class="composer-more" open={hasMore} onToggle={(event) => setMore(event.currentTarget.open)}>
          <summary>Workspace, review, limits, model…</summary>
          {hasMore && <MoreFields draft={draft} set={set} fault={fault} />}
        </details>
        {refusal !== null && (
          <div class="problem" role="alert">
            <p>{refusal.message}</p>
            {refusal.hint !== null && <p class="meta">{refusal.hint}</p>}
          </div>
        )}
        <div class="dialog-actions composer-actions">
          <p class="meta spread">{whyNot.value ?? landing(draft)}</p>
          <button type="button" class="button" disabled={isBusy || !canWrite.value} title="Ctrl Shift Enter" onClick={() => void submit("next")}>Create, next</button>
          <button type="button" class="button" disabled={isBusy || !canWrite.value} onClick={() => void submit("open")}>Create, open</button>
          <button type="submit" class="button main" disabled={isBusy || !canWrite.value} title="Ctrl Enter">{isBusy ? "Saving…" : "Create"}</button>
        </div>
      </form>
    </dialog>
  );
}
