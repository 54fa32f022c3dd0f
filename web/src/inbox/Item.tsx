import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, post, type Refusal } from "../api";
import { Answer } from "../drawer/Answer";
import { toast } from "../dialog";
import { Age } from "../parts/Age";
import { Problem } from "../parts/Problem";
import { StatusSign } from "../parts/StatusMark";
import { TaskChip } from "../parts/TaskChip";
import { canWrite } from "../state/status";
import { apply } from "./act";
import { asked, titleOf, wordsOf, type Attention, type Verb } from "./rows";
import { refetch } from "./store";

interface Props {
  row: Attention;
  id: string;
  isSelected: boolean;
  isBusy: boolean;
  showsBoard: boolean;
  /** The field that is open in the row. */
  field: "answer" | "request_changes" | null;
  onSelect: () => void;
  onField: (field: "answer" | "request_changes" | null) => void;
  onAct: (verb: Verb) => void;
}

export function Item({ row, id, isSelected, isBusy, showsBoard, field, onSelect, onField, onAct }: Props) {
  const words = wordsOf(row);
  const [first] = row.tasks;
  const text = asked(row);
  const title = titleOf(row);
  const hasChoices = (first?.question?.choices.length ?? 0) > 0;
  const label = `${words.label}: ${title}`;
  return (
    <li
      id={id}
      class={`item${isSelected ? " is-selected" : ""}`}
      data-kind={row.kind}
      data-status={words.status ?? undefined}
      data-task={first?.id}
      tabIndex={isSelected ? 0 : -1}
      aria-label={label}
      aria-busy={isBusy}
      onFocus={onSelect}
      onClick={onSelect}
    >
      <div class="item-sign">{words.status ? <StatusSign status={words.status} /> : <span class="item-warning" aria-hidden="true">▲</span>}</div>
      <div class="item-main">
        <p class="item-head">
          <span class="item-kind">{words.label}</span>
          {first && row.count === 1 && <span class="mono muted">{first.id}</span>}
          {showsBoard && first && <span class="chip">{first.board}</span>}
          {row.since !== null && <span class="item-since">since <Age at={row.since} /></span>}
        </p>
        {first && row.count === 1 ? (
          <p class="item-title"><button type="button" class="item-open" onClick={() => onAct("open")}>{title}</button></p>
        ) : <p class="item-title">{title}</p>}
        {text !== title && row.kind !== "question" && <p class="item-text">{text}</p>}
        {row.kind === "question" && field !== "answer" && <Choices row={row} isBusy={isBusy} onSelect={onSelect} onDone={() => void refetch()} />}
        {row.count > 1 && row.tasks.length > 0 && (
          <ul class="item-tasks" role="list">
            {row.tasks.map((task) => <li key={task.id}><TaskChip task={{ ...task, status: task.status }} /></li>)}
            {row.count > row.tasks.length && <li class="muted">and {row.count - row.tasks.length} more</li>}
          </ul>
        )}
        {field === "answer" && first && (row.kind === "question" ? <Question row={row} onDone={() => { onField(null); void refetch(); }} /> : <Words row={row} verb="answer" onDone={() => { onField(null); void refetch(); }} onLeave={() => onField(null)} />)}
        {field === "request_changes" && <Words row={row} verb="request_changes" onDone={() => { onField(null); void refetch(); }} onLeave={() => onField(null)} />}
        {field === null && (
          <div class="item-actions">
            {words.actions.map(({ verb, label: word }, index) => (
              <button
                key={verb}
                type="button"
                class={`button small${index === 0 && !hasChoices ? "" : " quiet"}`}
                disabled={isBusy || !canWrite.value}
                onClick={(event) => {
                  event.stopPropagation();
                  onSelect();
                  if (verb === "answer" || verb === "request_changes") onField(verb);
                  else onAct(verb);
                }}
              >
                {verb === "answer" && hasChoices ? "Other words…" : word}
              </button>
            ))}
            {words.actions.some((one) => one.verb === "copy") && <code class="item-command">{row.command}</code>}
          </div>
        )}
      </div>
    </li>
  );
}

/** The question in short: a choice answers at once; other words take the field. */
function Choices({ row, isBusy, onSelect, onDone }: { row: Attention; isBusy: boolean; onSelect: () => void; onDone: () => void }) {
  const [task] = row.tasks;
  const { text, choices } = task?.question ?? { text: asked(row), choices: [] };
  const isSending = useSignal(false);
  const problem = useSignal<Refusal | null>(null);
  async function choose(index: number) {
    if (!task || isSending.value) return;
    isSending.value = true;
    try {
      await post(`/v1/tasks/${encodeURIComponent(task.id)}/answer`, { answer: String(index + 1) });
      toast(`Answered: “${choices[index] ?? ""}”.`);
      onDone();
    } catch (error) {
      problem.value = asRefusal(error);
    } finally {
      isSending.value = false;
    }
  }
  return (
    <>
      <p class="item-text is-question">{text}</p>
      {choices.length > 0 && (
        <div class="answer-choices">
          {choices.map((choice, index) => (
            <button
              key={choice}
              type="button"
              class="button small"
              disabled={isBusy || isSending.value || !canWrite.value}
              onClick={(event) => {
                event.stopPropagation();
                onSelect();
                void choose(index);
              }}
            >
              <span class="answer-number" aria-hidden="true">{index + 1}</span>
              {choice}
            </button>
          ))}
        </div>
      )}
      {problem.value && <Problem refusal={problem.value} />}
    </>
  );
}

/** The question with a field for other words. */
function Question({ row, onDone }: { row: Attention; onDone: () => void }) {
  const [task] = row.tasks;
  if (!task?.question) return null;
  return (
    <Answer
      task={task.id}
      question={task.question}
      isFocused
      onDone={(answer) => {
        toast(`Answered: “${answer}”.`);
        onDone();
      }}
    />
  );
}

/** Words for the worker: they let a blocked task go on, or send a reviewed one back. */
function Words({ row, verb, onDone, onLeave }: { row: Attention; verb: "answer" | "request_changes"; onDone: () => void; onLeave: () => void }) {
  const text = useSignal("");
  const isBusy = useSignal(false);
  const problem = useSignal<Refusal | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const isAnswer = verb === "answer";
  useLayoutEffect(() => field.current?.focus(), []);

  async function send() {
    if (isBusy.value || !canWrite.peek() || text.value.trim() === "") return;
    isBusy.value = true;
    problem.value = null;
    try {
      if (isAnswer) {
        // The comment first: the run that the second request lets start reads it.
        for (const task of row.tasks) await post(`/v1/tasks/${encodeURIComponent(task.id)}/comment`, { body: text.value });
        await apply("unblock", row.tasks, {});
      } else await apply("request_changes", row.tasks, { what: text.value });
      onDone();
    } catch (error) {
      problem.value = asRefusal(error);
    } finally {
      isBusy.value = false;
    }
  }

  return (
    <form
      class="item-words"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        ref={field}
        class="input"
        rows={3}
        aria-label={isAnswer ? "Your answer" : "What has to change"}
        placeholder={isAnswer ? "Your answer; the next run reads it…" : "What has to change…"}
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            void send();
          }
        }}
      />
      <div class="row">
        <button type="submit" class="button main small" disabled={isBusy.value || !canWrite.value || text.value.trim() === ""}>{isAnswer ? "Answer and let go on" : "Request changes"}</button>
        <button type="button" class="button quiet small" onClick={onLeave}>Cancel</button>
      </div>
      {problem.value && <Problem refusal={problem.value} />}
    </form>
  );
}
