import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

import type { Refusal } from "../api";
import { announce } from "../dialog";
import { Problem } from "../parts/Problem";
import { canWrite, whyNot } from "../state/status";
import type { Task } from "../wire";
import { Conflict } from "./Conflict";
import { saveEdit, type Fields } from "./edit";

interface Props {
  task: Task;
  label: string;
  /** What the editor begins with. */
  text: string;
  kind?: "line" | "number" | "time" | "text";
  suggestions?: string[];
  placeholder?: string;
  /** Fields of the edit for what was typed; null refuses it with words. */
  fields: (text: string, task: Task) => Fields | string | null;
  /** Writes in another way than an edit. */
  write?: (text: string) => Promise<Refusal | null>;
  onSaved: () => void;
  children: ComponentChildren;
  isLarge?: boolean;
}

/** A value that becomes a field when it is clicked: Enter saves, Escape leaves. */
export function Editable(props: Props) {
  const { task, label, text, kind = "line", suggestions = [], onSaved } = props;
  const isEdited = useSignal(false);
  const isBusy = useSignal(false);
  const problem = useSignal<Refusal | string | null>(null);
  const conflict = useSignal<{ mine: string; current: Task; fields: string[] } | null>(null);
  const seen = useRef(task);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useId();

  // With the change of the document itself: what is typed next must not reach the page's keys.
  useLayoutEffect(() => {
    if (isEdited.value) {
      field.current?.focus();
      if (kind !== "text") field.current?.select();
    }
  }, [isEdited.value]);

  const leave = () => {
    isEdited.value = false;
    problem.value = null;
    conflict.value = null;
    requestAnimationFrame(() => button.current?.focus());
  };

  async function save(typed: string, over: Task) {
    if (isBusy.value) return;
    if (!canWrite.peek()) {
      problem.value = whyNot.peek();
      return;
    }
    if (typed === text && !conflict.value) return leave();
    const fields = props.fields(typed, over);
    if (fields === null) return leave();
    if (typeof fields === "string") {
      problem.value = fields;
      return;
    }
    isBusy.value = true;
    problem.value = null;
    if (props.write) {
      const refusal = await props.write(typed);
      isBusy.value = false;
      if (refusal) problem.value = refusal;
      else done();
      return;
    }
    const outcome = await saveEdit(over, fields);
    isBusy.value = false;
    if (outcome.kind === "saved") done();
    else if (outcome.kind === "refused") problem.value = outcome.refusal;
    else conflict.value = { mine: typed, current: outcome.current, fields: outcome.fields };
  }

  function done() {
    announce(`${label} saved.`);
    onSaved();
    leave();
  }

  if (!isEdited.value) {
    return (
      <button
        ref={button}
        type="button"
        class={`editable${props.isLarge ? " is-large" : ""}`}
        title={`Edit: ${label}`}
        onClick={() => {
          seen.current = task;
          isEdited.value = true;
        }}
      >
        {props.children}
        <span class="unseen">, edit {label.toLowerCase()}</span>
      </button>
    );
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave();
    } else if (event.key === "Enter" && (kind !== "text" || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void save(field.current?.value ?? "", seen.current);
    }
  };
  const shared = { ref: field, class: "input", "aria-label": label, defaultValue: text, placeholder: props.placeholder ?? "", disabled: isBusy.value, onKeyDown };
  return (
    <form
      class={`editor${kind === "text" || props.isLarge ? " is-wide" : ""}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save(field.current?.value ?? "", seen.current);
      }}
    >
      {kind === "text" ? <textarea {...shared} rows={12} /> : (
        <input {...shared} type={kind === "number" ? "number" : kind === "time" ? "datetime-local" : "text"} list={suggestions.length > 0 ? list : undefined} />
      )}
      {suggestions.length > 0 && <datalist id={list}>{suggestions.map((one) => <option key={one} value={one} />)}</datalist>}
      <span class="editor-buttons">
        <button type="submit" class="button main" disabled={isBusy.value || !canWrite.value}>Save</button>
        <button type="button" class="button quiet small" onClick={leave}>Cancel</button>
      </span>
      {typeof problem.value === "string" && <p class="editor-problem" role="alert">{problem.value}</p>}
      {problem.value !== null && typeof problem.value !== "string" && <Problem refusal={problem.value} />}
      {conflict.value && (
        <Conflict
          label={label}
          mine={conflict.value.mine}
          current={conflict.value.current}
          fields={conflict.value.fields}
          onMine={() => {
            const { current } = conflict.value ?? { current: task };
            seen.current = current;
            void save(field.current?.value ?? "", current);
          }}
          onTheirs={() => {
            onSaved();
            leave();
          }}
        />
      )}
    </form>
  );
}
