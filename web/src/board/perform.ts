// A move of cards on the board, and where the focus is afterwards.
import { perform } from "../state/moves";
import { untilSettled } from "../state/pending";
import type { Card, Move, Status } from "../wire";
import { focusCard, focusPlace, placeOf } from "./focus";

export async function performAndFocus(move: Move, cards: readonly Card[], to?: Status): Promise<void> {
  const [first] = cards;
  const place = first === undefined ? null : placeOf(first.id);
  const isDone = await perform(move, cards, {}, to === undefined ? {} : { to });
  if (!isDone || cards.length !== 1 || first === undefined) return;
  await untilSettled(first.id);
  // The card may land behind what its new column has loaded: then the focus stays where it was, on the next card.
  requestAnimationFrame(() => focusCard(first.id) || focusPlace(place));
}
