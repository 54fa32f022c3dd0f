import { useSignal } from "@preact/signals";

import { asRefusal, post, type Refusal } from "../api";
import { announce } from "../dialog";
import { Problem } from "../parts/Problem";
import { TaskChip } from "../parts/TaskChip";
import type { NamedTask } from "../wire";
import { TaskPicker } from "./TaskPicker";

interface Props {
  id: string;
  board: string;
  parents: NamedTask[];
  children: NamedTask[];
  onChanged: () => void;
}

/** What the task waits for, and what waits for it. */
export function Links({ id, board, parents, children: waiting, onChanged }: Props) {
  return (
    <section class="links" aria-label="Dependencies">
      <Group title="Waits for" none="Waits for no other task." add="Add a task to wait for" id={id} board={board} tasks={parents} pair={(other) => ({ parent_id: other, child_id: id })} onChanged={onChanged} />
      <Group title="Waited for by" none="No task waits for it." add="Add a task that waits for it" id={id} board={board} tasks={waiting} pair={(other) => ({ parent_id: id, child_id: other })} onChanged={onChanged} />
    </section>
  );
}

interface GroupProps {
  title: string;
  none: string;
  add: string;
  id: string;
  board: string;
  tasks: NamedTask[];
  pair: (other: string) => { parent_id: string; child_id: string };
  onChanged: () => void;
}

const SHOWN_MAX = 30;

function Group({ title, none, add, id, board, tasks, pair, onChanged }: GroupProps) {
  const isAdding = useSignal(false);
  const isAll = useSignal(false);
  const problem = useSignal<Refusal | null>(null);

  async function change(path: string, other: NamedTask, words: string) {
    problem.value = null;
    try {
      await post(path, pair(other.id));
      announce(words);
      isAdding.value = false;
      onChanged();
    } catch (error) {
      problem.value = asRefusal(error);
    }
  }

  const shown = isAll.value ? tasks : tasks.slice(0, SHOWN_MAX);
  const done = tasks.filter((task) => task.status === "done").length;
  return (
    <div class="link-group">
      <div class="section-head">
        <h3>{title}</h3>
        {tasks.length > 0 && <span class="muted">{done} of {tasks.length} done</span>}
        <button type="button" class="button quiet small" aria-expanded={isAdding.value} aria-label={add} onClick={() => (isAdding.value = !isAdding.value)}>+ Add</button>
      </div>
      {tasks.length === 0 && !isAdding.value && <p class="muted">{none}</p>}
      <ul class="chips">
        {shown.map((task) => (
          <li key={task.id}>
            <TaskChip task={task} />
            <button type="button" class="chip-remove" aria-label={`Remove the dependency on ${task.title}`} title="Remove the dependency" onClick={() => void change("/v1/links/remove", task, "Dependency removed.")}>✕</button>
          </li>
        ))}
      </ul>
      {tasks.length > shown.length && <button type="button" class="textlink" onClick={() => (isAll.value = true)}>Show all {tasks.length}</button>}
      {isAdding.value && (
        <TaskPicker
          board={board}
          label={add}
          placeholder="Words of the task, or its id…"
          without={new Set([id, ...tasks.map((task) => task.id)])}
          onPick={(task) => void change("/v1/links", task, `Dependency on ${task.title} added.`)}
          onLeave={() => (isAdding.value = false)}
        />
      )}
      {problem.value && <Problem refusal={problem.value} />}
    </div>
  );
}
