import { useSignal } from "@preact/signals";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, post, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import { moment, exactTime } from "../text";
import { now } from "../state/clock";
import { canWrite } from "../state/status";
import type { CardQuestion } from "../wire";

interface Props {
  task: string;
  question: CardQuestion;
  /** Moves the focus into the field at once. */
  isFocused?: boolean;
  onDone?: (answer: string) => void;
}

/** A question with its choices and a field for other words. A choice answers at once. */
export function Answer({ task, question, isFocused, onDone }: Props) {
  const text = useSignal("");
  const isBusy = useSignal(false);
  const refusal = useSignal<Refusal | null>(null);
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);

  // The attribute `autofocus` counts only while a page or a dialog opens.
  useLayoutEffect(() => {
    if (isFocused) field.current?.focus();
  }, []);

  async function send(answer: string) {
    if (isBusy.value || !canWrite.peek()) return;
    if (answer.trim() === "") {
      field.current?.focus();
      return;
    }
    isBusy.value = true;
    refusal.value = null;
    try {
      await post(`/v1/tasks/${encodeURIComponent(task)}/answer`, question.id === "" ? { answer } : { answer, question: question.id });
      text.value = "";
      onDone?.(answer);
    } catch (error) {
      refusal.value = asRefusal(error);
    } finally {
      isBusy.value = false;
    }
  }

  return (
    <form
      class="answer"
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault();
        void send(text.value);
      }}
    >
      <p class="answer-question" id={id}>{question.text}</p>
      {question.choices.length > 0 && (
        <div class="answer-choices">
          {question.choices.map((choice, index) => (
            <button key={choice} type="button" class="button" disabled={isBusy.value || !canWrite.value} onClick={() => void send(choice)}>
              <span class="answer-number" aria-hidden="true">{index + 1}</span>
              {choice}
              {choice === question.default && <span class="answer-default"> default</span>}
            </button>
          ))}
        </div>
      )}
      <div class="answer-words">
        <textarea
          ref={field}
          class="input"
          rows={2}
          aria-label={question.choices.length > 0 ? "Other words" : "Answer"}
          placeholder={question.choices.length > 0 ? "Or in other words…" : "Your answer…"}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              void send(text.value);
            }
          }}
        />
        <button type="submit" class="button main" disabled={isBusy.value || !canWrite.value || text.value.trim() === ""}>Answer</button>
      </div>
      {question.deadline_at !== null && (
        <p class="answer-deadline" title={exactTime(question.deadline_at)}>
          {question.deadline_at <= now.value ? "Its deadline has passed." : `Until ${moment(question.deadline_at, now.value)}${question.default ? `, then “${question.default}” is taken` : ""}.`}
        </p>
      )}
      {refusal.value && <Problem refusal={refusal.value} />}
    </form>
  );
}
