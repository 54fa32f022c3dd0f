// One field of a dialog, by its kind.
import { TimeInput } from "./TimeInput";
import { AnswerInput } from "./AnswerInput";
import { AssigneeInput } from "./AssigneeInput";
import type { Field, Value } from "./state";

interface FieldProps { field: Field; value: Value; fault: string | null; isFirst?: boolean; onChange: (value: Value) => void }

export function DialogField(props: FieldProps) {
  const { field, fault } = props;
  const id = `field-${field.name}`;
  if (field.kind === "flag") {
    return (
      <label class="flag">
        <input type="checkbox" name={field.name} checked={props.value === true} onChange={(event) => props.onChange(event.currentTarget.checked)} {...(props.isFirst === true ? { "data-first": "" } : {})} />
        <span>{field.label}</span>
      </label>
    );
  }
  const isChoice = field.kind === "choice" && (field.choices?.length ?? 0) <= 6;
  return (
    <div class="field">
      {isChoice ? <span class="label" id={`${id}-label`}>{field.label}</span> : <label for={id}>{field.label}{field.isRequired === true ? "" : <span class="optional"> (optional)</span>}</label>}
      <Control {...props} id={id} />
      {field.hint !== undefined && <p class="meta">{field.hint}</p>}
      {fault !== null && <p class="fault" id={`${id}-fault`}>{fault}</p>}
    </div>
  );
}

function Control(props: FieldProps & { id: string }) {
  const { field, id, value, fault } = props;
  const text = value === null ? "" : String(value);
  const common = { id, name: field.name, class: "input", "aria-invalid": fault !== null, "aria-required": field.isRequired === true, ...(fault !== null ? { "aria-describedby": `${id}-fault` } : {}), ...(props.isFirst === true ? { "data-first": "" } : {}) };
  switch (field.kind) {
    case "text":
      return <textarea {...common} rows={4} value={text} onInput={(event) => props.onChange(event.currentTarget.value)} />;
    case "answer":
      return <AnswerInput {...common} choices={field.choices ?? []} value={text} onChange={props.onChange} />;
    case "time":
      return <TimeInput {...common} value={typeof value === "number" ? value : null} onChange={props.onChange} />;
    case "profile":
      return <AssigneeInput {...common} value={text} onChange={(name) => props.onChange(name === "" ? null : name)} />;
    case "number":
      return <input {...common} type="number" value={text} onInput={(event) => props.onChange(event.currentTarget.value === "" ? null : event.currentTarget.valueAsNumber)} />;
    case "choice":
      return <Choice {...props} text={text} common={common} />;
    default:
      return <input {...common} type="text" autocomplete="off" value={text} onInput={(event) => props.onChange(event.currentTarget.value)} />;
  }
}

function Choice(props: FieldProps & { id: string; text: string; common: object }) {
  const choices = props.field.choices ?? [];
  if (choices.length > 6) {
    return (
      <select {...props.common} value={props.text} onChange={(event) => props.onChange(event.currentTarget.value)}>
        <option value="">Choose…</option>
        {choices.map((choice) => <option value={choice.value}>{choice.label}</option>)}
      </select>
    );
  }
  return (
    <div class="choices" role="radiogroup" aria-labelledby={`${props.id}-label`}>
      {choices.map((choice, at) => (
        <label class="flag">
          <input
            type="radio"
            name={props.field.name}
            value={choice.value}
            checked={props.text === choice.value}
            onChange={() => props.onChange(choice.value)}
            {...(props.isFirst === true && (props.text === choice.value || (props.text === "" && at === 0)) ? { "data-first": "" } : {})}
          />
          <span>{choice.label}</span>
        </label>
      ))}
    </div>
  );
}
