// The view as the URL's query, and back. Pure, so that it can be tested without a browser.
export type ViewName = "board" | "inbox" | "graph" | "statistics" | "schedules" | "profiles";
export const VIEW_NAMES: readonly ViewName[] = ["board", "inbox", "graph", "statistics", "schedules", "profiles"];

export interface View {
  view: ViewName;
  /** Open task of the drawer (or root of the graph). */
  task: string | null;
  /** Tab of the drawer. */
  tab: string | null;
  board: string;
  assignee: string[];
  tenant: string[];
  label: string[];
  text: string;
  archived: boolean;
  /** Lanes by profile in running. */
  lanes: boolean;
}

export const FIRST_VIEW: View = {
  view: "board",
  task: null,
  tab: null,
  board: "default",
  assignee: [],
  tenant: [],
  label: [],
  text: "",
  archived: false,
  lanes: false,
};

function listOf(value: string | null): string[] {
  return (value ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "");
}

export function parseView(search: string): View {
  const fields = new URLSearchParams(search);
  const name = fields.get("view") as ViewName | null;
  return {
    view: name !== null && VIEW_NAMES.includes(name) ? name : "board",
    task: fields.get("task") || null,
    tab: fields.get("tab") || null,
    board: fields.get("board") || "default",
    assignee: listOf(fields.get("assignee")),
    tenant: listOf(fields.get("tenant")),
    label: listOf(fields.get("label")),
    text: fields.get("text") ?? "",
    archived: fields.get("archived") === "1",
    lanes: fields.get("lanes") === "1",
  };
}

/** The shortest query that says the same: what is as in `FIRST_VIEW` is left out. */
export function printView(view: View): string {
  const parts: string[] = [];
  const add = (name: string, value: string) => parts.push(`${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  if (view.view !== "board") add("view", view.view);
  if (view.board !== "default") add("board", view.board);
  for (const name of ["assignee", "tenant", "label"] as const) {
    if (view[name].length > 0) add(name, view[name].join(","));
  }
  if (view.text !== "") add("text", view.text);
  if (view.archived) add("archived", "1");
  if (view.lanes) add("lanes", "1");
  if (view.task !== null) add("task", view.task);
  if (view.tab !== null) add("tab", view.tab);
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Whether both show the same cards: same board, filters and archive switch. */
export function sameCards(one: View, other: View): boolean {
  return one.board === other.board && one.archived === other.archived && filterKey(one) === filterKey(other);
}

export function filterKey(view: View): string {
  return JSON.stringify([view.assignee, view.tenant, view.label, view.text.trim()]);
}

export function hasFilter(view: View): boolean {
  return view.assignee.length + view.tenant.length + view.label.length > 0 || view.text.trim() !== "";
}
