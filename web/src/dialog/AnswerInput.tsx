// An answer: one of the choices with a click, or other words.
import type { Value } from "./state";

interface AnswerProps { id: string; name: string; choices: readonly { value: string; label: string }[]; value: string; onChange: (value: Value) => void; [attribute: string]: unknown }

export function AnswerInput(props: AnswerProps) {
  const { choices, value, onChange, ...rest } = props;
  return (
    <div class="answer-input">
      {choices.length > 0 && (
        <div class="row wrap" role="group" aria-label="Choices">
          {choices.map((choice, index) => (
            <button key={choice.value} type="button" class="button" aria-pressed={value === choice.value} onClick={() => onChange(choice.value)}>
              <kbd aria-hidden="true">{index + 1}</kbd> {choice.label}
            </button>
          ))}
        </div>
      )}
      <textarea {...rest} class="input" rows={choices.length > 0 ? 2 : 4} placeholder={choices.length > 0 ? "Or other words" : ""} value={value} onInput={(event) => onChange(event.currentTarget.value)} />
    </div>
  );
}
