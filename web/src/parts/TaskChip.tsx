import { openTask } from "../state/view";
import { statusWords } from "../text";
import type { NamedTask } from "../wire";
import { StatusSign } from "./StatusMark";

/** A task by sign and title; opens it in the drawer. */
export function TaskChip(props: { task: NamedTask }) {
  const { task } = props;
  return (
    <a
      class="task-chip"
      href={`?task=${encodeURIComponent(task.id)}`}
      title={`${task.id}: ${task.title}`}
      data-status={task.status}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        openTask(task.id);
      }}
    >
      <span class="status" data-status={task.status}>
        <StatusSign status={task.status} />
        <span class="unseen">{statusWords(task.status).word}</span>
      </span>
      <span class="clip">{task.title}</span>
    </a>
  );
}
