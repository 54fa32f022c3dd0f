// Edits of fields, with what takes them back: the old values, written only if nobody has changed the task since.
import { patch, post, type Done } from "../api";
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

interface Edited { version?: number }

async function writeOne(id: string, edit: CardEdit, version: number | null, onRepeat?: () => void): Promise<Done<Edited>> {
  const path = `/v1/tasks/${encodeURIComponent(id)}`;
  const options = onRepeat === undefined ? {} : { onRepeat };
  // Clearing the assignee is an operation of its own: an edit reads null as "leave it".
  if (edit.assignee === null) return post<Edited>(`${path}/assign`, { assignee: null }, options);
  return patch<Edited>(path, version === null ? edit : { ...edit, if_version: version }, options);
}

/** Edits cards; shows the new values at once. Throws the refusal of a single card; lists those of several. */
export async function editCards(cards: readonly Card[], edit: CardEdit, words: string): Promise<void> {
  const ids = cards.map((card) => card.id);
  const [first] = cards;
  if (first === undefined) return;
  if (cards.length === 1) {
    const reply = await sendPatched(ids, edited(edit), (onRepeat) => writeOne(first.id, edit, null, onRepeat));
    toast(`${words}: “${first.title}”`, { undo: offer(words, [first], edit, new Map([[first.id, reply.version]])) });
    return;
  }
  const verb = edit.assignee === null ? "assign" : "edit";
  const reply = await sendPatched(ids, edited(edit), (onRepeat) => post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids, verb, fields: edit }, { onRepeat }));
  const refused = reply.results.filter((result) => result.refused);
  const done = cards.filter((card) => !refused.some((result) => result.id === card.id));
  const versions = new Map(reply.results.map((result) => [result.id, (result.reply as Edited | undefined)?.version]));
  const undo = done.length > 0 ? offer(words, done, edit, versions) : null;
  const details = refused.map((result) => `${result.id}: ${result.refused?.message ?? "refused"}`);
  toast(`${words}: ${done.length} of ${cards.length} tasks.`, { kind: refused.length > 0 ? "refusal" : "note", details, undo });
}

/** Writes the old values, each only if nobody has changed the task since the edit. */
function offer(words: string, cards: readonly Card[], edit: CardEdit, versions: ReadonlyMap<string, number | undefined>): Undo {
  const undo: Undo = {
    label: words,
    run: async () => {
      for (const card of cards) {
        const back = reverse(edit, card);
        if (Object.keys(back).length === 0) continue;
        try {
          await sendPatched([card.id], edited(back), () => writeOne(card.id, back, versions.get(card.id) ?? null));
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
