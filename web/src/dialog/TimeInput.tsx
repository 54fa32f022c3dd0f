// A time: a date with a clock, or words as "in 2h", and the near moments people mean most.
import { useState } from "preact/hooks";
import { now } from "../state/clock";
import { exactTime } from "../text";
import { parseTime, printLocal, quickTimes } from "./times";
import type { Value } from "./state";

interface TimeProps { id: string; name: string; class?: string; value: number | null; onChange: (value: Value) => void; [attribute: string]: unknown }

export function TimeInput(props: TimeProps) {
  const { value, onChange, ...rest } = props;
  const [text, setText] = useState(value === null ? "" : printLocal(value));
  const [isWrong, setWrong] = useState(false);
  const read = (typed: string): void => {
    setText(typed);
    const at = parseTime(typed, now.peek());
    setWrong(typed.trim() !== "" && at === null);
    onChange(at);
  };
  return (
    <div class="time-input">
      <input {...rest} type="text" value={text} autocomplete="off" placeholder="tomorrow 9:00 · in 2h · 2027-01-31 14:00" aria-invalid={isWrong || rest["aria-invalid"] === true} onInput={(event) => read(event.currentTarget.value)} />
      <div class="quick-times">
        {quickTimes(now.peek()).map((quick) => (
          <button type="button" class="button small" onClick={() => read(printLocal(quick.at))}>{quick.label}</button>
        ))}
      </div>
      <p class="meta">{isWrong ? "Not a time: try “tomorrow 9:00”, “in 2h” or “2027-01-31 14:00”." : value === null ? "\u00a0" : exactTime(value)}</p>
    </div>
  );
}
