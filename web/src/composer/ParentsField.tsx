// What must be done first, found by search.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, isAborted } from "../api";
import { StatusSign } from "../parts";
import { boardName } from "../state/board";
import { statusWords } from "../text";
import type { NamedTask } from "../wire";

interface Found extends NamedTask { [field: string]: unknown }

export function ParentsField(props: { value: readonly NamedTask[]; onChange: (value: NamedTask[]) => void }) {
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState<readonly NamedTask[]>([]);
  const [at, setAt] = useState(0);
  const control = useRef<AbortController | null>(null);
  useEffect(() => {
    control.current?.abort();
    if (typed.trim() === "") {
      setFound([]);
      return undefined;
    }
    const mine = new AbortController();
    control.current = mine;
    const timer = setTimeout(() => void search(typed, mine.signal).then((list) => { setFound(list); setAt(0); }, (error) => { if (!isAborted(error)) setFound([]); }), 120);
    return () => {
      clearTimeout(timer);
      mine.abort();
    };
  }, [typed]);
  const offered = found.filter((task) => !props.value.some((each) => each.id === task.id));
  const add = (task: NamedTask | undefined): void => {
    if (task === undefined) return;
    props.onChange([...props.value, { id: task.id, title: task.title, status: task.status }]);
    setTyped("");
  };
  return (
    <div class="field">
      <label for="composer-parents">Comes after</label>
      <input
        id="composer-parents"
        name="parents"
        class="input"
        type="text"
        role="combobox"
        aria-expanded={offered.length > 0}
        aria-controls="composer-found"
        aria-activedescendant={offered.length > 0 ? `composer-found-${at}` : undefined}
        autocomplete="off"
        placeholder="Search a task that must be done first"
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt(Math.min(at + 1, offered.length - 1));
          else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
          else if (event.key === "Enter" && typed.trim() !== "" && !event.ctrlKey && !event.metaKey) add(offered[at]);
          else if (event.key === "Escape" && typed !== "") {
            setTyped("");
            event.stopPropagation();
          } else return;
          event.preventDefault();
        }}
      />
      <ul id="composer-found" class="quiet-list found" role="listbox" aria-label="Tasks found" hidden={offered.length === 0}>
        {offered.map((task, index) => (
          <li key={task.id} id={`composer-found-${index}`} role="option" aria-selected={index === at} onMouseDown={(event) => { event.preventDefault(); add(task); }}>
            <StatusSign status={task.status} />
            <span class="clip">{task.title}</span>
            <span class="meta mono">{task.id}</span>
          </li>
        ))}
      </ul>
      <div class="parents">
        {props.value.map((task) => (
          <span key={task.id} class="chip" title={`${task.id}, ${statusWords(task.status).word}`}>
            <StatusSign status={task.status} />
            <span class="clip">{task.title}</span>
            <button type="button" class="chip-button" aria-label={`Not after ${task.title}`} onClick={() => props.onChange(props.value.filter((each) => each.id !== task.id))}>✕</button>
          </span>
        ))}
      </div>
    </div>
  );
}

async function search(text: string, signal: AbortSignal): Promise<NamedTask[]> {
  const wanted = text.trim();
  const board = boardName.peek();
  if (/^t_[0-9a-f]{4,}$/.test(wanted)) {
    try {
      const task = await get<Found>(`/v1/tasks/${wanted}`, { board }, signal);
      return [{ id: task.id, title: task.title, status: task.status }];
    } catch (error) {
      if (isAborted(error)) throw error;
      return [];
    }
  }
  const hits = await get<Found[]>("/v1/search", { board, text: `${wanted}*`, limit: 8 }, signal);
  return hits.map((task) => ({ id: task.id, title: task.title, status: task.status }));
}
