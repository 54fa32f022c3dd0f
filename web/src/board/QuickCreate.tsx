// A task by its title alone, at the head of a column. It stays open for the next one.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asRefusal, type Refusal } from "../api";
import { createTask } from "../composer/create";
import { openComposer } from "../composer/state";
import { canWrite, whyNot } from "../state/status";
import { statusWords } from "../text";
import type { Status } from "../wire";
import { quickColumn } from "./quick";

export function QuickCreate({ status }: { status: Status }) {
  return quickColumn.value === status ? <Form status={status} /> : null;
}

function Form({ status }: { status: Status }) {
  const input = useRef<HTMLInputElement>(null);
  const [title, setTitle] = useState("");
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  useLayoutEffect(() => input.current?.focus(), []);
  const close = (): void => {
    quickColumn.value = null;
  };
  const submit = async (): Promise<void> => {
    const wanted = title.trim();
    if (wanted === "") return;
    setTitle("");
    setRefusal(null);
    try {
      await createTask({ title: wanted, triage: status === "triage" });
    } catch (error) {
      // What was typed comes back, unless the next title has been begun.
      setTitle((typed) => (typed === "" ? wanted : typed));
      setRefusal(asRefusal(error));
    }
  };
  return (
    <form
      class="quick"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          close();
        }
      }}
    >
      <input ref={input} class="input" type="text" autocomplete="off" aria-label={`Title of the new task in ${statusWords(status).word}`} placeholder="Title, then Enter" value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
      <div class="row">
        <button type="submit" class="button small main" disabled={!canWrite.value} title={whyNot.value ?? ""}>Create</button>
        <button type="button" class="button small" onClick={() => { close(); openComposer({ column: status, title }); }}>All fields…</button>
        <span class="spread" />
        <button type="button" class="button quiet small" onClick={close}>Close</button>
      </div>
      {refusal !== null && <p class="fault" role="alert">{refusal.message}</p>}
    </form>
  );
}
