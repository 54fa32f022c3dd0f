import { useSignal } from "@preact/signals";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";

import { asRefusal, isAborted, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import { StatusMark } from "../parts/StatusMark";
import { searchTasks, type FoundTask } from "./search";

const TYPING_MS = 120;

interface Props {
  board: string;
  label: string;
  placeholder: string;
  /** Ids that are not offered. */
  without: Set<string>;
  onPick: (task: FoundTask) => void;
  onLeave: () => void;
}

/** A field that finds a task by its words, as a combobox. */
export function TaskPicker({ board, label, placeholder, without, onPick, onLeave }: Props) {
  const typed = useSignal("");
  const found = useSignal<FoundTask[] | null>(null);
  const at = useSignal(0);
  const problem = useSignal<Refusal | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();

  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    if (typed.value.trim() === "") {
      found.value = null;
      return;
    }
    const ended = new AbortController();
    const timer = setTimeout(() => {
      searchTasks(typed.value, { board, limit: 12 }, ended.signal).then(
        (tasks) => {
          found.value = tasks.filter((task) => !without.has(task.id)).slice(0, 8);
          at.value = 0;
          problem.value = null;
        },
        (error: unknown) => {
          if (!isAborted(error)) problem.value = asRefusal(error);
        },
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [typed.value, board]);

  const list = found.value ?? [];
  return (
    <div
      class="picker"
      onFocusOut={(event) => {
        if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget)) && typed.value === "") onLeave();
      }}
    >
      <input
        ref={field}
        class="input"
        role="combobox"
        aria-label={label}
        aria-expanded={list.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={list.length > 0 ? `${id}-${at.value}` : undefined}
        placeholder={placeholder}
        value={typed.value}
        onInput={(event) => (typed.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (list.length > 0) at.value = (at.value + (event.key === "ArrowDown" ? 1 : -1) + list.length) % list.length;
          } else if (event.key === "Enter") {
            event.preventDefault();
            const task = list[at.value];
            if (task) onPick(task);
          } else if (event.key === "Escape") {
            event.preventDefault();
            event.stopPropagation();
            onLeave();
          }
        }}
      />
      {problem.value && <Problem refusal={problem.value} />}
      {found.value !== null && list.length === 0 && <p class="picker-none">No task has these words.</p>}
      <ul class="picker-list" id={`${id}-list`} role="listbox" aria-label={label} hidden={list.length === 0}>
        {list.map((task, index) => (
          // The field keeps the focus; the choice is made on the way down, before it could lose it.
          <li
            key={task.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at.value}
            class="picker-row"
            onMouseDown={(event) => {
              event.preventDefault();
              onPick(task);
            }}
          >
            <StatusMark status={task.status} isBare />
            <span class="mono">{task.id}</span>
            <span class="picker-title">{task.title}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
