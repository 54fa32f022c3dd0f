// Views with a name: queries of the URL that this browser keeps.

import { ask, toast } from "../dialog";
import { addMenuItems } from "../shell/extras";
import { remembered } from "../state/remembered";
import { parseView, printView, type View } from "../state/url";
import { go, view } from "../state/view";

export interface SavedView { name: string; query: string }

const SAVED_MAX = 50;

function areViews(value: unknown): value is SavedView[] {
  return Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null && typeof (one as SavedView).name === "string" && typeof (one as SavedView).query === "string");
}

export const savedViews = remembered<SavedView[]>("views", [], areViews);

/** What of a view a name stands for: all but the open task. */
export function queryToSave(current: View): string {
  return printView({ ...current, task: null, tab: null });
}

/** The list with a view under a name; another one of that name is replaced. */
export function withView(list: readonly SavedView[], name: string, query: string): SavedView[] {
  return [...list.filter((one) => one.name !== name), { name, query }].sort((a, b) => a.name.localeCompare(b.name)).slice(0, SAVED_MAX);
}

export function openView(saved: SavedView): void {
  go({ ...parseView(saved.query) });
}

export async function saveView(): Promise<void> {
  const query = queryToSave(view.peek());
  const values = await ask([{ name: "name", kind: "line", label: "Name", isRequired: true, hint: "Kept in this browser: board, filters, lanes and page." }], { title: "Save this view", action: "Save" });
  const name = String(values?.["name"] ?? "").trim();
  if (name === "") return;
  savedViews.value = withView(savedViews.peek(), name, query);
  toast(`Saved as “${name}”.`);
}

export async function removeView(): Promise<void> {
  const values = await ask([{ name: "name", kind: "choice", label: "View", isRequired: true, choices: savedViews.peek().map(({ name }) => ({ value: name, label: name })) }], { title: "Remove a saved view", action: "Remove" });
  const name = values?.["name"];
  if (typeof name === "string") savedViews.value = savedViews.peek().filter((one) => one.name !== name);
}

addMenuItems(() => [
  ...savedViews.peek().map((saved, index) => ({ label: saved.name, ...(index === 0 ? { group: "Saved views" } : {}), run: () => openView(saved) })),
  { label: "Save this view…", ...(savedViews.peek().length === 0 ? { group: "Saved views" } : {}), run: () => void saveView() },
  ...(savedViews.peek().length > 0 ? [{ label: "Remove a saved view…", run: () => void removeView() }] : []),
]);
