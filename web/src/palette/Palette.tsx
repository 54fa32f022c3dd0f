import { signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { isAborted } from "../api";
import { searchTasks, type FoundTask } from "../drawer/search";
import { layers, onKey, scopeOf, type Scope } from "../keys";
import { StatusMark } from "../parts/StatusMark";
import { openTask, view } from "../state/view";
import { commands, type Command } from "./commands";
import { best } from "./match";
import "./palette.css";

const isOpen = signal(false);
const TYPING_MS = 120;
const COMMANDS_MAX = 30;
const TASKS_MAX = 8;

/** Ctrl-K: any command, any task, any board, by a few letters. */
export function Palette() {
  useEffect(() => onKey("page.palette", () => void (isOpen.value = true)), []);
  return isOpen.value ? <Box /> : null;
}

type Row = { kind: "task"; task: FoundTask } | { kind: "command"; command: Command };

function Box() {
  const dialog = useRef<HTMLDialogElement>(null);
  const before = useMemo(() => document.activeElement, []);
  const scope: Scope = useMemo(() => scopeOf(before), []);
  const all = useMemo(() => commands(scope), []);
  const typed = useSignal("");
  const tasks = useSignal<FoundTask[]>([]);
  const at = useSignal(0);

  useLayoutEffect(() => {
    dialog.current?.showModal();
    layers.value += 1;
    return () => {
      layers.value -= 1;
    };
  }, []);
  useEffect(() => {
    if (typed.value.trim().length < 2) {
      tasks.value = [];
      return;
    }
    const ended = new AbortController();
    const timer = setTimeout(() => {
      searchTasks(typed.value, { board: view.peek().board, limit: TASKS_MAX }, ended.signal).then(
        (found) => (tasks.value = found),
        (error: unknown) => {
          // The commands are there all the same.
          if (!isAborted(error)) tasks.value = [];
        },
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [typed.value]);

  const matching = best(all, typed.value, (one) => one.label, COMMANDS_MAX);
  const rows: Row[] = [...matching.map((command): Row => ({ kind: "command", command })), ...tasks.value.map((task): Row => ({ kind: "task", task }))];
  const chosen = Math.min(at.value, Math.max(0, rows.length - 1));

  useLayoutEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen, rows.length]);

  const close = () => {
    isOpen.value = false;
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  };
  const run = (row: Row | undefined) => {
    if (!row) return;
    close();
    if (row.kind === "task") openTask(row.task.id);
    else row.command.run();
  };

  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Find a command or a task"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <input
        class="palette-input"
        role="combobox"
        aria-label="Command or task"
        aria-expanded={rows.length > 0}
        aria-controls="palette-list"
        aria-autocomplete="list"
        aria-activedescendant={rows.length > 0 ? `palette-${chosen}` : undefined}
        placeholder="Do or find…"
        autofocus
        autocomplete="off"
        spellcheck={false}
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step !== 0 && rows.length > 0) {
            event.preventDefault();
            at.value = (chosen + step + rows.length) % rows.length;
          } else if (event.key === "Enter") {
            event.preventDefault();
            run(rows[chosen]);
          }
        }}
      />
      <ul class="palette-list" id="palette-list" role="listbox" aria-label="Commands and tasks">
        {rows.map((row, index) => {
          const isFirstTask = row.kind === "task" && rows[index - 1]?.kind !== "task";
          return (
            <li
              key={row.kind === "task" ? row.task.id : row.command.id}
              id={`palette-${index}`}
              class={`palette-row${isFirstTask && index > 0 ? " is-first" : ""}`}
              role="option"
              aria-selected={index === chosen}
              onMouseMove={() => (at.value = index)}
              onClick={() => run(row)}
            >
              {row.kind === "task" ? (
                <>
                  <StatusMark status={row.task.status} isBare />
                  <span class="clip">{row.task.title}</span>
                  <span class="palette-detail mono">{row.task.id}</span>
                </>
              ) : (
                <>
                  <span class="clip">{row.command.label}</span>
                  <span class="palette-detail">{row.command.detail}</span>
                </>
              )}
            </li>
          );
        })}
      </ul>
      {rows.length === 0 && <p class="palette-none">Nothing fits “{typed.value}”.</p>}
    </dialog>
  );
}
