// What can be done with a card, from the daemon's own table (`GET /v1/moves`): drops, the Move menu, keys and buttons all go this way.
import { signal } from "@preact/signals";
import { asRefusal, get, post, type Done, type Refusal } from "../api";
import { announce, ask, toast, type Field, type Values } from "../dialog";
import { statusWords } from "../text";
import type { Ask, Card, CardPage, Move, Moves, Status } from "../wire";
import { boardName, cursor, now } from "./board";
import { queryOf, type CardConditions } from "./filter";
import { actionWord, fitsMove, landsAtOnce, moveKey, passedOver, pastWord, requestOf } from "./movewords";
import { addPatch, dropPatch, movedTo, settlePatch, type Patch } from "./pending";
import { unselect } from "./selection";
import { offerUndo, type Undo } from "./undo";

export const moves = signal<readonly Move[]>([]);

export async function loadMoves(): Promise<void> {
  moves.value = (await get<Moves>("/v1/moves")).moves;
}

/** Every move of a card, in the daemon's order. */
export function movesOf(card: Card): Move[] {
  return moves.value.filter((move) => fitsMove(move, card));
}

/** The move that a drop on a column means; null when the column refuses the card. */
export function moveOnDrop(card: Card, to: Status): Move | null {
  return movesOf(card).find((move) => move.to.includes(to)) ?? null;
}

/** The moves that all of these cards have, whatever column each is in. */
export function sharedMoves(cards: readonly Card[]): Move[] {
  const [first, ...rest] = cards;
  if (first === undefined) return [];
  const others = rest.map((card) => new Set(movesOf(card).map(moveKey)));
  return movesOf(first).filter((move) => others.every((keys) => keys.has(moveKey(move))) && (rest.length === 0 || move.is_bulk || move.operation === "dispatch"));
}

/** The move that a drop of these cards on a column means; null when they have none in common. */
export function sharedMoveOnDrop(cards: readonly Card[], to: Status): Move | null {
  const [first] = cards;
  if (first === undefined || cards.every((card) => card.status === to)) return null;
  return sharedMoves(cards).find((move) => move.to.includes(to)) ?? null;
}

/** The move of an operation, as `archive` or `answer`, if the card has it. */
export function moveNamed(card: Card, operation: string): Move | null {
  const found = movesOf(card).find((move) => move.operation === operation);
  if (found !== undefined) return found;
  // A run that asks goes on with the answer: no move, as the task stays where it is.
  const answer = operation === "answer" && card.question !== null ? moves.value.find((move) => move.operation === "answer") : undefined;
  return answer === undefined ? null : { ...answer, from: card.status, to: [] };
}

/** Why a column refuses: what the card can do instead. */
export function whyRefused(card: Card, to: Status): string {
  const from = statusWords(card.status).word;
  const goals = new Set(movesOf(card).flatMap((move) => move.to).map((status) => statusWords(status).word));
  const list = [...goals].join(", ");
  return `Nothing moves a task from ${from} to ${statusWords(to).word}.${list === "" ? "" : ` It can go to ${list}.`}`;
}

function fieldOf(asked: Ask, preset: Record<string, unknown>, card?: Card): Field {
  const value = preset[asked.field] ?? asked.default;
  const question = card?.question ?? null;
  if (asked.kind === "answer" && question !== null) {
    const choices = question.choices.map((choice) => ({ value: choice, label: choice }));
    return { name: asked.field, kind: "answer", label: question.text, isRequired: asked.is_required, choices, value: (value ?? question.default ?? null) as string | null };
  }
  return { name: asked.field, kind: asked.kind, label: asked.label, isRequired: asked.is_required, choices: asked.choices, value: (value ?? null) as Field["value"] & string };
}

/** What a move asks, as fields of a dialog. */
export function requestOfAsks(move: Move): Field[] {
  return move.asks.map((asked) => fieldOf(asked, {}));
}

export interface PerformOptions {
  /** Column of the drop: where the card is shown until the daemon has decided. */
  to?: Status;
  /** No dialog even for fields that may be given. */
  isSilent?: boolean;
}

/** Does a move: asks what it asks, unless `preset` has every required field; sends it; shows what came of it. False: not done. */
export async function perform(move: Move, cards: readonly Card[], preset: Record<string, unknown> = {}, options: PerformOptions = {}): Promise<boolean> {
  if (cards.length === 0) return false;
  const isAsked = move.asks.some((asked) => (asked.is_required && preset[asked.field] === undefined) || (Object.keys(preset).length === 0 && options.isSilent !== true));
  const submit = (values: Values): Promise<void> => send(move, cards, { ...preset, ...values }, options);
  if (move.asks.length > 0 && isAsked) {
    const title = cards.length === 1 ? `${move.label}: ${cards[0]?.title ?? ""}` : `${move.label}: ${cards.length} tasks`;
    const [only] = cards.length === 1 ? cards : [];
    const text = passedOver(move, cards);
    return (await ask(move.asks.map((asked) => fieldOf(asked, preset, only)), { title, action: actionWord(move, cards.length), submit, ...(text === null ? {} : { text }) })) !== null;
  }
  try {
    await submit({});
    return true;
  } catch (error) {
    showRefusal(error);
    return false;
  }
}

export function showRefusal(error: unknown): void {
  const refusal = asRefusal(error);
  toast(refusal.message, { kind: "refusal", hint: refusal.hint });
}

/** Shows the change at once, sends it, and keeps it until the stream has brought it. A refusal takes it back and is thrown. */
export async function sendPatched<T>(ids: readonly string[], change: ((card: Card) => Card) | null, write: (onRepeat: () => void) => Promise<Done<T>>): Promise<T> {
  const patch: Patch | null = change === null ? null : addPatch(ids, change);
  try {
    const done = await write(() => {
      announce("The connection broke. Saving again…");
    });
    if (patch !== null) settlePatch(patch, done.cursor, cursor.peek());
    return done.value;
  } catch (error) {
    if (patch !== null) dropPatch(patch);
    throw error;
  }
}

function lookOf(move: Move, to: Status | undefined): ((card: Card) => Card) | null {
  if (move.from === "running") {
    // The task leaves running when its processes are gone, which may take a while.
    return (card) => (card.run === null ? card : { ...card, run: { ...card.run, state: "stopping" } });
  }
  const status = to ?? move.to[0];
  if (status === undefined || status === move.from || !landsAtOnce(move)) return null;
  return movedTo(status, now.peek());
}

async function send(move: Move, cards: readonly Card[], values: Record<string, unknown>, options: PerformOptions): Promise<void> {
  const fields = requestOf(move, values);
  const ids = cards.map((card) => card.id);
  const [first] = cards;
  if (first === undefined) return;
  if (move.operation === "dispatch") {
    await dispatchNow(cards);
    return;
  }
  if (cards.length > 1) {
    const results: BulkReply["results"] = [];
    for (let at = 0; at < ids.length; at += BULK_MAX) {
      const part = ids.slice(at, at + BULK_MAX);
      const reply = await sendPatched(part, lookOf(move, options.to), (onRepeat) => post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids: part, verb: move.operation, fields }, { onRepeat }));
      results.push(...reply.results);
    }
    finishBulk(move, { results });
    return;
  }
  const path = move.path.replace("{id}", encodeURIComponent(first.id));
  const reply = await sendPatched(ids, lookOf(move, options.to), (onRepeat) => post<{ status?: Status } | null>(path, fields, { onRepeat }));
  const undo = undoOf(move, ids);
  const landed = typeof reply?.status === "string" ? statusWords(reply.status).word : null;
  toast(`${pastWord(move)} “${first.title}”${landed === null ? "." : `: now in ${landed}.`}`, { undo });
}

interface DispatchReply { spawned: { task_id?: string }[]; not_started: { task_id: string; reason: string; explanation: string }[] }

/** Starts these tasks now, as far as the limits let them, and says why the others do not. */
async function dispatchNow(cards: readonly Card[]): Promise<void> {
  const { value } = await post<DispatchReply>("/v1/dispatch", { board: boardName.peek(), ids: cards.map((card) => card.id) });
  const title = (id: string): string => cards.find((card) => card.id === id)?.title ?? id;
  const refused = value.not_started.map((each) => `“${title(each.task_id)}” was not started: ${each.explanation || each.reason}`);
  const started = value.spawned.length;
  const [first] = refused;
  if (first === undefined) toast(started === 1 ? `Started “${cards[0]?.title ?? ""}”.` : `Started ${started} tasks.`);
  else if (refused.length === 1 && started === 0) toast(first, { kind: "refusal" });
  else toast(`Started ${started} tasks; ${refused.length} were not started.`, { kind: "refusal", details: refused });
}

export interface BulkReply { results: { id: string; refused: { code?: string; message?: string; hint?: string } | null; reply?: unknown }[] }

function finishBulk(move: Move, reply: BulkReply): void {
  const refused = reply.results.filter((result) => result.refused !== null && result.refused !== undefined);
  const done = reply.results.filter((result) => !refused.includes(result)).map((result) => result.id);
  unselect(done);
  const undo = done.length > 0 ? undoOf(move, done) : null;
  const details = refused.map((result) => `${result.id}: ${result.refused?.message ?? "refused"}`);
  const words = refused.length === 0 ? `${pastWord(move)} ${done.length} tasks.` : `${pastWord(move)} ${done.length} of ${reply.results.length} tasks; ${refused.length} refused.`;
  toast(words, { kind: refused.length === 0 ? "note" : "refusal", details, undo });
}

const BULK_MAX = 500;

/** The same for everything that the filter lets through in a column, loaded or not: the daemon names the tasks, this page sends them. */
export async function performAll(move: Move, status: Status, filter: CardConditions, values: Record<string, unknown>): Promise<void> {
  const ids: string[] = [];
  for (;;) {
    const page = await get<CardPage>("/v1/cards", { board: boardName.peek(), status, offset: ids.length, limit: BULK_MAX, ...queryOf(filter) });
    ids.push(...page.cards.map((card) => card.id));
    if (page.cards.length < BULK_MAX) break;
  }
  const results: BulkReply["results"] = [];
  const fields = requestOf(move, values);
  for (let at = 0; at < ids.length; at += BULK_MAX) {
    const { value } = await post<BulkReply>("/v1/tasks/bulk", { board: boardName.peek(), ids: ids.slice(at, at + BULK_MAX), verb: move.operation, fields });
    results.push(...value.results);
    if (ids.length > BULK_MAX) announce(`${results.length} of ${ids.length}`);
  }
  finishBulk(move, { results });
}

function undoOf(move: Move, ids: readonly string[]): Undo | null {
  const operation = move.undo;
  if (operation === null) return null;
  const undo: Undo = {
    label: `${pastWord(move)} ${ids.length === 1 ? ids[0] : `${ids.length} tasks`}`,
    run: async () => {
      try {
        if (ids.length === 1) await post(`/v1/tasks/${encodeURIComponent(ids[0] as string)}/${operation}`, {});
        else for (let at = 0; at < ids.length; at += BULK_MAX) await post("/v1/tasks/bulk", { board: boardName.peek(), ids: ids.slice(at, at + BULK_MAX), verb: operation, fields: {} });
        announce("Taken back.");
      } catch (error) {
        showRefusal(error);
      }
    },
  };
  offerUndo(undo);
  return undo;
}

export type { Refusal };
