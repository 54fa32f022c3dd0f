import { useState } from "preact/hooks";

/** Labels as chips; Enter or a comma makes one. */
export function LabelsField(props: { value: readonly string[]; known: readonly string[]; onChange: (value: string[]) => void }) {
  const [typed, setTyped] = useState("");
  const add = (text: string): void => {
    const fresh = text.split(",").map((each) => each.trim()).filter((each) => each !== "" && !props.value.includes(each));
    if (fresh.length > 0) props.onChange([...props.value, ...fresh]);
    setTyped("");
  };
  return (
    <div class="field">
      <label for="composer-labels">Labels</label>
      <input
        id="composer-labels"
        name="labels"
        class="input"
        type="text"
        autocomplete="off"
        list="composer-known-labels"
        placeholder="Enter adds one"
        value={typed}
        onInput={(event) => {
          const text = event.currentTarget.value;
          if (text.includes(",") || props.known.includes(text)) add(text);
          else setTyped(text);
        }}
        onBlur={() => add(typed)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && typed.trim() !== "") {
            event.preventDefault();
            add(typed);
          } else if (event.key === "Backspace" && typed === "") props.onChange(props.value.slice(0, -1));
        }}
      />
      <datalist id="composer-known-labels">{props.known.map((name) => <option value={name} />)}</datalist>
      <div class="row wrap">
        {props.value.map((label) => (
          <span key={label} class="chip">
            <span class="clip">{label}</span>
            <button type="button" class="chip-button" aria-label={`Remove the label ${label}`} onClick={() => props.onChange(props.value.filter((each) => each !== label))}>✕</button>
          </span>
        ))}
      </div>
    </div>
  );
}
