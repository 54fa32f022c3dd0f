// Edits of fields, with what takes them back: the old values, written only if nobody has changed the task since.
import { get, patch, post } from "../api";
import { announce, toast } from "../dialog";
import type { Card } from "../wire";
import { boardName } from "./board";
import { sendPatched, showRefusal, type BulkReply } from "./moves";
import { offerUndo, type Undo } from "./undo";

/** Fields that a card shows and an edit writes. */
export interface CardEdit { assignee?: string | null; priority?: number; add_labels?: string[]; remove_labels?: string[] }

function edited(edit: CardEdit): (card: Card) => Card {
  return (card) => {
    const labels = card.labels.filter((label) => edit.remove_labels?.includes(label) !== true);
    for (const label of edit.add_labels ?? []) if (!labels.includes(label)) labels.push(label);
    return { ...card, labels, assignee: edit.assignee === undefined ? card.assignee : edit.assignee, priority: edit.priority ?? card.priority };
  };
}

function reverse(edit: CardEdit, card: Card): CardEdit {
  const back: CardEdit = {};
  if (edit.assignee !== undefined) back.assignee = card.assignee;
  if (edit.priority !== undefined) back.priority = card.priority;
  const added = (edit.add_labels ?? []).filter((label) => !card.labels.includes(label));
  const removed = (edit.remove_labels ?? []).filter((label) => card.labels.includes(label));
  if (added.length > 0) back.remove_labels = added;
  if (removed.length > 0) back.add_labels = removed;
  return back;
}

async function writeOne(id: string, edit: CardEdit, version: number | null, onRepeat?: () => void) {
  const path = `/v1/tasks/${encodeURIComponent(id)}`;
  const options = onRepeat === undefined ? {} : { onRepeat };
  // Clearing the assignee is an operation of its own: an edit reads null as "leave it".
  if (edit.assignee === null) return post<unknown>(`${path}/assign`, { assignee: null }, options);
  return patch<unknown>(path, version === null ? edit : { ...edit, if_version: version }, options);
}

/** Edits cards; shows the new values at once. Throws the refusal of a single card; lists those of several. */
export async function editCards(cards: readonly Card[], edit: CardEdit, words: string): Promise<void> {
  const ids = cards.map((card) => card.id);
  const [first] = cards;
  if (first === undefined) return;
  if (cards.length === 1) {
    const done = await sendPatched(ids, edited(edit), (onRepeat) => writeOne(first.id, edit, null, onRepeat));
    void done;
    const undo = offer(words, [first], edit);
    toast(`${words}: “${first.title}”`, { undo });
    return;
  }
  const verb = edit.assignee === null ? "assign" : "edit";
  const reply = await sendPatched(ids, edited(edit), (onRepeat) => post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids, verb, fields: edit }, { onRepeat }));
  const refused = reply.results.filter((result) => result.refused);
  const done = cards.filter((card) => !refused.some((result) => result.id === card.id));
  const undo = done.length > 0 ? offer(words, done, edit) : null;
  const details = refused.map((result) => `${result.id}: ${result.refused?.message ?? "refused"}`);
  toast(`${words}: ${done.length} of ${cards.length} tasks.`, { kind: refused.length > 0 ? "refusal" : "note", details, undo });
}

function offer(words: string, cards: readonly Card[], edit: CardEdit): Undo {
  const undo: Undo = {
    label: words,
    run: async () => {
      for (const card of cards) {
        try {
          const back = reverse(edit, card);
          // The version after the edit is not known here; the newest one is read, and a change between is refused.
          const { version } = await get<{ version: number }>(`/v1/tasks/${encodeURIComponent(card.id)}`);
          await sendPatched([card.id], edited(back), () => writeOne(card.id, back, version));
        } catch (error) {
          showRefusal(error);
          return;
        }
      }
      announce("Taken back.");
    },
  };
  offerUndo(undo);
  return undo;
}
