import { askAssignee } from "../board/actions";
import { announce, toast } from "../dialog";
import { StatusMark } from "../parts/StatusMark";
import { openMenu, type MenuItem } from "../parts/Menu";
import { movesOf, perform } from "../state/moves";
import { canWrite, whyNot } from "../state/status";
import { duration, plural } from "../text";
import { now } from "../state/clock";
import { go } from "../state/view";
import type { Card, Move, TaskView } from "../wire";
import { ordered } from "./actions";
import { Answer } from "./Answer";
import { Editable } from "./Editable";

interface Props {
  view: TaskView;
  card: Card;
  onChanged: () => void;
}

/** Title, status and what can be done: the main thing as a button, the others in a menu. */
export function Head({ view, card, onChanged }: Props) {
  const { main, second, rest } = ordered(card, movesOf(card));
  const { question } = view;
  // The field above is the answer; what else is likely stands below it.
  const isUnassigned = card.status === "ready" && card.assignee === null;
  const button = (question && main?.operation === "answer") || (isUnassigned && main?.operation === "dispatch") ? null : main;
  const command = commandOf(view.why.command);
  const act = (move: Move) => void perform(move, [card]).then((isDone) => isDone && onChanged());
  const items: MenuItem[] = [
    ...rest.map((move): MenuItem => ({ label: move.label, ...(move.asks.some((ask) => ask.is_required) ? { detail: "asks" } : {}), ...(whyNot.value === null ? {} : { refusal: whyNot.value }), run: () => act(move) })),
    { label: "Show in the graph", isApart: rest.length > 0, run: () => go({ view: "graph", task: card.id }) },
    ...(command ? [{ label: "Copy the command", detail: command, run: () => copy(command, "Command copied.") }] : []),
    { label: "Copy a link", run: () => copy(location.href, "Link copied.") },
    { label: "Copy the id", run: () => copy(card.id, "Id copied.") },
  ];
  return (
    <div class="drawer-head">
      <h2 class="drawer-title" id="drawer-title" tabIndex={-1}>
        <Editable
          task={view.task}
          label="Title"
          text={view.task.title}
          isLarge
          fields={(text) => (text.trim() === "" ? "A task needs a title." : { title: text.trim() })}
          onSaved={onChanged}
        >
          {card.title}
        </Editable>
      </h2>
      <div class="drawer-status">
        <StatusMark status={card.status} />
        {card.since !== null && <span class="muted">for {duration(now.value - card.since)}</span>}
        {card.review && <span class="muted">round {card.review.round}</span>}
        {card.attempts > 0 && <span class="muted">{card.status === "running" ? `attempt ${card.attempts}` : plural(card.attempts, "attempt")}</span>}
      </div>
      <div class="state" data-status={card.status}>
        <p class="state-text">{sentence(view.why.text)}</p>
        {question && <Answer key={question.id} task={card.id} question={question} onDone={onChanged} />}
        <div class="state-actions">
          {isUnassigned && <button type="button" class="button main" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => void askAssignee([card])}>Assign…</button>}
          {button && <button type="button" class={question ? "button" : "button main"} disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => act(button)}>{button.label}</button>}
          {second && <button type="button" class="button" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => act(second)}>{second.label}</button>}
          <button type="button" class="button quiet" aria-haspopup="menu" onClick={(event) => openMenu({ label: `Actions for ${card.id}`, items, at: event.currentTarget })}>
            More<span aria-hidden="true"> ▾</span>
          </button>
        </div>
      </div>
    </div>
  );
}

/** The first command of a hint such as "accept it with `kanban approve t_1`, or …". */
function commandOf(hint: string | null): string | null {
  return hint === null ? null : (/`([^`]+)`/.exec(hint)?.[1] ?? hint);
}

/** The daemon's reason, which begins in the middle of a line, as a sentence. An id at its beginning stays as it is. */
function sentence(text: string): string {
  const first = /^t_[0-9a-f]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

export function copy(text: string, words: string): void {
  // Over plain HTTP from another host the browser has no clipboard for pages.
  if (!navigator.clipboard) {
    toast(text);
    return;
  }
  void navigator.clipboard.writeText(text).then(
    () => announce(words),
    () => toast(text),
  );
}
