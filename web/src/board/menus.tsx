// The menus of a card, a selection and a column. A menu holds what the daemon's table allows, and says what it will ask.
import { StatusSign } from "../parts/StatusMark";
import { openMenu, type MenuItem } from "../parts/Menu";
import { openComposer } from "../composer/state";
import { toast } from "../dialog";
import { modelOf } from "../state/board";
import { sharedMoves } from "../state/moves";
import { selectColumn, targets, toggle, isSelected, focused, clearSelection } from "../state/selection";
import { canWrite, whyNot } from "../state/status";
import { go, openTask, view } from "../state/view";
import { statusWords } from "../text";
import type { Card, Move, Status } from "../wire";
import { askAssignee, askLabels, askPriority, archiveOlder } from "./actions";
import { focusCard } from "./focus";
import { performAndFocus } from "./perform";
import { setFold } from "./settings";

type Place = Element | { x: number; y: number };

function asksWords(move: Move): string {
  const [first] = move.asks;
  if (first === undefined) return "";
  return `asks ${first.label.charAt(0).toLowerCase()}${first.label.slice(1)}${first.is_required ? "" : " (optional)"}`;
}

export function moveItems(cards: readonly Card[]): MenuItem[] {
  return sharedMoves(cards).map((move) => {
    const [to] = move.to;
    const detail = asksWords(move);
    return {
      label: move.label,
      ...(detail === "" ? {} : { detail }),
      icon: to === undefined ? <span class="sign" /> : <StatusSign status={to} />,
      ...(canWrite.peek() ? {} : { refusal: whyNot.peek() ?? "" }),
      run: () => void performAndFocus(move, cards),
    };
  });
}

function titleOf(cards: readonly Card[]): string {
  return cards.length === 1 ? (cards[0] as Card).title : `${cards.length} tasks`;
}

/** Where the focused card is, for menus opened by a key. */
export function placeOfCards(cards: readonly Card[]): Place {
  const [first] = cards;
  const element = first === undefined ? null : document.querySelector(`[data-card="${CSS.escape(first.id)}"]`);
  return element ?? document.querySelector(".bulk, .drawer, .toolbar") ?? { x: innerWidth / 2 - 120, y: innerHeight / 3 };
}

export function openMoveMenu(cards: readonly Card[], at: Place = placeOfCards(cards)): void {
  if (cards.length === 0) return;
  const items = moveItems(cards);
  if (items.length === 0) {
    toast(cards.length === 1 ? `Nothing moves a task that is ${statusWords((cards[0] as Card).status).word.toLowerCase()}.` : "These tasks have no move in common.");
    return;
  }
  openMenu({ label: `Move ${titleOf(cards)}`, items, at });
}

export function openCardMenu(id: string, at: Place): void {
  focused.value = id;
  if (!isSelected(id)) clearSelection();
  const cards = targets("board");
  const isOne = cards.length === 1;
  const refusal = canWrite.peek() ? {} : { refusal: whyNot.peek() ?? "" };
  const items: MenuItem[] = [
    ...(isOne ? [{ label: "Open", detail: "Enter", run: () => openTask(id) }] : []),
    { label: isSelected(id) ? "Unselect" : "Select", detail: "x", run: () => toggle(id) },
    ...moveItems(cards).map((item, index) => (index === 0 ? { ...item, isApart: true } : item)),
    { label: "Assign…", detail: "a", isApart: true, ...refusal, run: () => void askAssignee(cards) },
    { label: "Priority…", detail: "p", ...refusal, run: () => void askPriority(cards) },
    { label: "Labels…", detail: "t", ...refusal, run: () => void askLabels(cards) },
    ...(isOne
      ? [
          { label: "New task after this one…", isApart: true, ...refusal, run: () => openComposer({ parents: cards.map((card) => ({ id: card.id, title: card.title, status: card.status })) }) },
          { label: "Graph", run: () => go({ view: "graph", task: id }) },
          { label: "Copy the id", run: () => void navigator.clipboard.writeText(id) },
        ]
      : []),
  ];
  openMenu({ label: titleOf(cards), items, at, back: () => void focusCard(id) });
}

export function openColumnMenu(status: Status, at: Element): void {
  const model = modelOf(status);
  const items: MenuItem[] = [
    { label: "Fold the column", run: () => setFold(status, true) },
    { label: `Select all ${model.count.peek().toLocaleString("en-US")}`, detail: "Ctrl A", run: () => selectColumn(status) },
  ];
  if (status === "running") items.push({ label: "Lanes by profile", isOn: view.peek().lanes, isApart: true, run: () => go({ lanes: !view.peek().lanes }, { replace: true }) });
  if (status === "done") items.push({ label: "Archive older than…", isApart: true, ...(canWrite.peek() ? {} : { refusal: whyNot.peek() ?? "" }), run: () => void archiveOlder() });
  openMenu({ label: statusWords(status).word, items, at });
}
