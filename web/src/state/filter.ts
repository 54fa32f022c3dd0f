// Which cards a filter lets through, as far as a card's own fields can say. Pure.
import type { Card } from "../wire";
import type { View } from "./url";

export type CardConditions = Pick<View, "assignee" | "tenant" | "label" | "text">;

/** Whether the card's own fields fit. A text is not looked at: the daemon also searches bodies and comments. */
export function fits(card: Card, filter: CardConditions): boolean {
  if (filter.assignee.length > 0 && !filter.assignee.includes(card.assignee ?? "-")) return false;
  if (filter.tenant.length > 0 && !filter.tenant.includes(card.tenant ?? "-")) return false;
  if (filter.label.length > 0 && !filter.label.some((label) => card.labels.includes(label))) return false;
  return true;
}

/** The filter as fields of a query. */
export function queryOf(filter: CardConditions): { assignee?: string; tenant?: string; label?: string; text?: string } {
  const query: { assignee?: string; tenant?: string; label?: string; text?: string } = {};
  if (filter.assignee.length > 0) query.assignee = filter.assignee.join(",");
  if (filter.tenant.length > 0) query.tenant = filter.tenant.join(",");
  if (filter.label.length > 0) query.label = filter.label.join(",");
  if (filter.text.trim() !== "") query.text = filter.text.trim();
  return query;
}
