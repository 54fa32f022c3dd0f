// What the letters, the bulk bar and the menus do to cards beside moving them.
import { get, post } from "../api";
import { ask, toast, type Field } from "../dialog";
import { parseDuration } from "../dialog/times";
import { boardName } from "../state/board";
import { editCards } from "../state/edits";
import { moveNamed, perform, sharedMoves, showRefusal } from "../state/moves";
import type { BulkReply } from "../state/moves";
import { statusWords } from "../text";
import type { Card, CardPage, Move } from "../wire";

function title(words: string, cards: readonly Card[]): string {
  return cards.length === 1 ? `${words}: ${(cards[0] as Card).title}` : `${words}: ${cards.length} tasks`;
}

/** The value that all have, else null. */
function common<T>(cards: readonly Card[], key: (card: Card) => T): T | null {
  const [first] = cards;
  if (first === undefined) return null;
  return cards.every((card) => key(card) === key(first)) ? key(first) : null;
}

export async function askAssignee(cards: readonly Card[]): Promise<void> {
  if (cards.length === 0) return;
  const field: Field = { name: "assignee", kind: "profile", label: "Assignee", value: common(cards, (card) => card.assignee) };
  if (cards.every((card) => card.status === "running")) {
    await askReassign(cards, field);
    return;
  }
  await ask([field], {
    title: title("Assign", cards),
    action: "Assign",
    ...(cards.some((card) => card.status === "running") ? { text: "Running tasks among them keep their assignee: reassign those by themselves." } : {}),
    submit: (values) => editCards(cards, { assignee: (values["assignee"] as string | null) ?? null }, values["assignee"] === null ? "Unassigned" : `Assigned to ${String(values["assignee"])}`),
  });
}

/** A running task changes hands only when its run has been stopped. */
async function askReassign(cards: readonly Card[], field: Field): Promise<void> {
  await ask([field, { name: "reason", kind: "line", label: "Reason" }], {
    title: title("Reassign", cards),
    action: "Stop and reassign",
    text: "The run is stopped first; the task then starts anew with its new assignee.",
    submit: async (values) => {
      const fields = { assignee: values["assignee"] ?? null, ...(values["reason"] ? { reason: values["reason"] } : {}) };
      const ids = cards.map((card) => card.id);
      const { value } = await post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids, verb: "reassign", fields });
      const refused = value.results.filter((result) => result.refused);
      const details = refused.map((result) => `${result.id}: ${result.refused?.message ?? "refused"}`);
      toast(`Reassigned ${ids.length - refused.length} of ${ids.length}.`, { kind: refused.length > 0 ? "refusal" : "note", details });
    },
  });
}

export async function askPriority(cards: readonly Card[]): Promise<void> {
  if (cards.length === 0) return;
  const current = common(cards, (card) => card.priority);
  await ask([{ name: "priority", kind: "number", label: "Priority", isRequired: true, value: current ?? 0, hint: "Higher starts first." }], {
    title: title("Priority", cards),
    action: "Set",
    submit: (values) => editCards(cards, { priority: Number(values["priority"]) }, `Priority ${String(values["priority"])}`),
  });
}

const listOf = (text: unknown): string[] => String(text ?? "").split(",").map((each) => each.trim()).filter((each) => each !== "");

export async function askLabels(cards: readonly Card[]): Promise<void> {
  const [first] = cards;
  if (first === undefined) return;
  if (cards.length === 1) {
    await ask([{ name: "labels", kind: "line", label: "Labels", value: first.labels.join(", "), hint: "Separated by commas." }], {
      title: title("Labels", cards),
      action: "Set",
      submit: async (values) => {
        const wanted = listOf(values["labels"]);
        const add_labels = wanted.filter((label) => !first.labels.includes(label));
        const remove_labels = first.labels.filter((label) => !wanted.includes(label));
        if (add_labels.length + remove_labels.length > 0) await editCards(cards, { add_labels, remove_labels }, "Labels changed");
      },
    });
    return;
  }
  await ask([{ name: "add", kind: "line", label: "Add labels", hint: "Separated by commas." }, { name: "remove", kind: "line", label: "Remove labels" }], {
    title: title("Labels", cards),
    action: "Change",
    submit: async (values) => {
      const add_labels = listOf(values["add"]);
      const remove_labels = listOf(values["remove"]);
      if (add_labels.length + remove_labels.length > 0) await editCards(cards, { add_labels, remove_labels }, "Labels changed");
    },
  });
}

function moveFor(cards: readonly Card[], operation: string): Move | null {
  const [first] = cards;
  if (first === undefined) return null;
  return cards.length === 1 ? moveNamed(first, operation) : (sharedMoves(cards).find((each) => each.operation === operation) ?? null);
}

/** Runs an operation by its name on cards; says so when one of them does not have it. */
export async function act(cards: readonly Card[], operation: string): Promise<boolean> {
  const [first] = cards;
  if (first === undefined) return false;
  const move = moveFor(cards, operation);
  if (move === null) {
    toast(cards.length === 1 ? `${first.id} is ${statusWords(first.status).word.toLowerCase()}: it cannot ${operation.replaceAll("_", " ")} now.` : `Not all of these tasks can ${operation.replaceAll("_", " ")} now.`);
    return false;
  }
  return perform(move, cards);
}

/** Puts tasks away: those that are done are archived, the others are cancelled, which asks what becomes of their children. */
export async function putAway(cards: readonly Card[]): Promise<void> {
  const archived = cards.filter((card) => moveNamed(card, "archive") !== null);
  const cancelled = cards.filter((card) => !archived.includes(card));
  if (archived.length > 0) await act(archived, "archive");
  if (cancelled.length > 0) await act(cancelled, "cancel");
}

const BULK_MAX = 500;

/** Archives what was done before a time, by windows from the end of the column. */
export async function archiveOlder(): Promise<void> {
  const field: Field = { name: "age", kind: "line", label: "Done longer ago than", isRequired: true, value: "7d", hint: "As 12h, 7d." };
  await ask([field], {
    title: "Archive older tasks",
    action: "Archive",
    submit: async (values) => {
      const seconds = parseDuration(String(values["age"]));
      if (seconds === null) throw new Error("not a duration");
      const before = Math.floor(Date.now() / 1000) - seconds;
      const count = await archiveBefore(before);
      toast(count === 0 ? "Nothing is older." : `Archived ${count} tasks.`);
    },
  });
}

async function archiveBefore(before: number): Promise<number> {
  let count = 0;
  let end: number | null = null;
  for (;;) {
    const first: CardPage = await get<CardPage>("/v1/cards", { board: boardName.peek(), status: "done", offset: Math.max(0, (end ?? 0) - BULK_MAX), limit: end === null ? 1 : BULK_MAX });
    if (end === null) {
      end = first.count;
      if (end === 0) return 0;
      continue;
    }
    const ids = first.cards.filter((card) => (card.completed_at ?? 0) < before).map((card) => card.id);
    if (ids.length === 0) return count;
    try {
      const { value } = await post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids, verb: "archive", fields: {} });
      count += value.results.filter((result) => !result.refused).length;
      if (value.results.every((result) => result.refused)) return count;
    } catch (error) {
      showRefusal(error);
      return count;
    }
    if (ids.length < first.cards.length || end <= BULK_MAX) return count;
    end -= BULK_MAX;
  }
}
