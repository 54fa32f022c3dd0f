// One table of keys: it feeds the handler, the `?` sheet, the palette and the manual. What a key does is registered by the part that
// does it (`onKey`); a row whose part is not mounted does nothing and is not offered.
import { signal } from "@preact/signals";
import { dialogs } from "./dialog/state";
import { view } from "./state/view";

export type Scope = "board" | "drawer" | "inbox" | "graph";

export interface KeyRow {
  id: string;
  /** As `KeyboardEvent.key`; "Mod+" is Ctrl or ⌘; "g b" is one after the other. */
  keys: readonly string[];
  /** Where the focus must be; empty: anywhere. */
  where: readonly Scope[];
  group: "Go to" | "Cards" | "Task" | "Selection" | "Page";
  label: string;
  /** Not offered in the palette: it only makes sense as a key. */
  isMotion?: boolean;
}

export const KEYS: readonly KeyRow[] = [
  { id: "card.down", keys: ["ArrowDown", "j"], where: ["board"], group: "Cards", label: "Next card", isMotion: true },
  { id: "card.up", keys: ["ArrowUp", "k"], where: ["board"], group: "Cards", label: "Previous card", isMotion: true },
  { id: "card.left", keys: ["ArrowLeft", "h"], where: ["board"], group: "Cards", label: "Column to the left", isMotion: true },
  { id: "card.right", keys: ["ArrowRight", "l"], where: ["board"], group: "Cards", label: "Column to the right", isMotion: true },
  { id: "card.first", keys: ["Home"], where: ["board"], group: "Cards", label: "First card of the column", isMotion: true },
  { id: "card.last", keys: ["End"], where: ["board"], group: "Cards", label: "Last loaded card of the column", isMotion: true },
  { id: "card.open", keys: ["Enter", "o"], where: ["board"], group: "Cards", label: "Open the card", isMotion: true },
  { id: "card.preview", keys: [" "], where: ["board"], group: "Cards", label: "Preview while held", isMotion: true },
  { id: "card.move_left", keys: ["Shift+ArrowLeft"], where: ["board"], group: "Cards", label: "Move the card one column to the left", isMotion: true },
  { id: "card.move_right", keys: ["Shift+ArrowRight"], where: ["board"], group: "Cards", label: "Move the card one column to the right", isMotion: true },
  { id: "select.toggle", keys: ["x"], where: ["board"], group: "Selection", label: "Select the card", isMotion: true },
  { id: "select.down", keys: ["Shift+ArrowDown"], where: ["board"], group: "Selection", label: "Extend the selection down", isMotion: true },
  { id: "select.up", keys: ["Shift+ArrowUp"], where: ["board"], group: "Selection", label: "Extend the selection up", isMotion: true },
  { id: "select.column", keys: ["Mod+a"], where: ["board"], group: "Selection", label: "Select all of the column" },
  { id: "column.menu", keys: ["."], where: ["board"], group: "Cards", label: "Menu of the column" },
  { id: "task.move", keys: ["m"], where: ["board", "drawer"], group: "Task", label: "Move to…" },
  { id: "task.assignee", keys: ["a"], where: ["board", "drawer"], group: "Task", label: "Assign…" },
  { id: "task.priority", keys: ["p"], where: ["board", "drawer"], group: "Task", label: "Set the priority…" },
  { id: "task.labels", keys: ["t"], where: ["board", "drawer"], group: "Task", label: "Edit labels…" },
  { id: "task.answer", keys: ["e"], where: ["board", "drawer"], group: "Task", label: "Answer…" },
  { id: "task.unblock", keys: ["u"], where: ["board", "drawer"], group: "Task", label: "Unblock" },
  { id: "task.approve", keys: ["y"], where: ["board", "drawer"], group: "Task", label: "Approve" },
  { id: "task.request_changes", keys: ["n"], where: ["board", "drawer"], group: "Task", label: "Request changes…" },
  { id: "task.stop", keys: ["s"], where: ["board", "drawer"], group: "Task", label: "Stop the run…" },
  { id: "task.archive", keys: ["#"], where: ["board", "drawer"], group: "Task", label: "Archive, or cancel" },
  { id: "drawer.previous", keys: ["["], where: ["board", "drawer"], group: "Task", label: "Previous task in the drawer" },
  { id: "drawer.next", keys: ["]"], where: ["board", "drawer"], group: "Task", label: "Next task in the drawer" },
  { id: "drawer.find", keys: ["Mod+f"], where: ["drawer"], group: "Task", label: "Find in the log", isMotion: true },
  { id: "drawer.send", keys: ["Mod+Enter"], where: ["drawer"], group: "Task", label: "Send the comment", isMotion: true },
  { id: "inbox.down", keys: ["j", "ArrowDown"], where: ["inbox"], group: "Cards", label: "Next item", isMotion: true },
  { id: "inbox.up", keys: ["k", "ArrowUp"], where: ["inbox"], group: "Cards", label: "Previous item", isMotion: true },
  { id: "inbox.open", keys: ["Enter"], where: ["inbox"], group: "Cards", label: "Open the item", isMotion: true },
  { id: "inbox.answer", keys: ["e"], where: ["inbox"], group: "Task", label: "Answer" },
  { id: "inbox.approve", keys: ["y"], where: ["inbox"], group: "Task", label: "Approve" },
  { id: "inbox.request_changes", keys: ["n"], where: ["inbox"], group: "Task", label: "Request changes" },
  { id: "inbox.unblock", keys: ["u"], where: ["inbox"], group: "Task", label: "Unblock" },
  { id: "inbox.retry", keys: ["r"], where: ["inbox"], group: "Task", label: "Retry" },
  { id: "inbox.mine", keys: ["f"], where: ["inbox"], group: "Cards", label: "Only mine, or all" },
  { id: "inbox.archive", keys: ["#"], where: ["inbox"], group: "Task", label: "Archive" },
  { id: "page.create", keys: ["c"], where: [], group: "Page", label: "New task…" },
  { id: "page.search", keys: ["/"], where: [], group: "Page", label: "Search" },
  { id: "page.palette", keys: ["Mod+k"], where: [], group: "Page", label: "Find a command or a task" },
  { id: "page.undo", keys: ["Mod+z"], where: [], group: "Page", label: "Undo" },
  { id: "page.help", keys: ["?"], where: [], group: "Page", label: "Keys" },
  { id: "page.close", keys: ["Escape"], where: [], group: "Page", label: "Close the innermost thing, then clear the selection", isMotion: true },
  { id: "go.board", keys: ["g b"], where: [], group: "Go to", label: "Board" },
  { id: "go.inbox", keys: ["g i"], where: [], group: "Go to", label: "Needs you" },
  { id: "go.graph", keys: ["g g"], where: [], group: "Go to", label: "Graph of the task" },
  { id: "go.statistics", keys: ["g s"], where: [], group: "Go to", label: "Statistics" },
  { id: "go.schedules", keys: ["g t"], where: [], group: "Go to", label: "Schedules" },
  { id: "go.profiles", keys: ["g p"], where: [], group: "Go to", label: "Profiles" },
];

export type KeyAction = (event: KeyboardEvent | null, scope: Scope) => void | boolean;

const actions = new Map<string, KeyAction[]>();
/** Counts up when a part registers or leaves, for what lists the commands. */
export const registrations = signal(0);

/** Says what a row does. The last one registered wins; return `false` from it to let the browser or an earlier one have the key. */
export function onKey(id: string, action: KeyAction): () => void {
  const list = actions.get(id) ?? [];
  actions.set(id, [...list, action]);
  registrations.value = registrations.peek() + 1;
  return () => {
    actions.set(id, (actions.get(id) ?? []).filter((each) => each !== action));
    registrations.value = registrations.peek() + 1;
  };
}

export function hasAction(id: string): boolean {
  return (actions.get(id)?.length ?? 0) > 0;
}

/** Runs a row as its key would, as the palette does. */
export function runKey(id: string, event: KeyboardEvent | null = null, scope: Scope = scopeOf(document.activeElement)): boolean {
  const list = actions.get(id) ?? [];
  for (const action of [...list].reverse()) if (action(event, scope) !== false) return true;
  return false;
}

const LETTERS_KEY = "kanband.letters";
/** Single letters as shortcuts can be switched off (WCAG 2.1.4). */
export const lettersOn = signal(localStorage.getItem(LETTERS_KEY) !== "off");

export function setLetters(isOn: boolean): void {
  lettersOn.value = isOn;
  localStorage.setItem(LETTERS_KEY, isOn ? "on" : "off");
}

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** A key as the `?` sheet prints it. */
export function printKey(key: string): string {
  const names: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", " ": "Space", Enter: "Enter" };
  return key === " " ? "Space" : key.split(" ").map((part) => part.split("+").map((each) => (each === "Mod" ? (isMac ? "⌘" : "Ctrl") : (names[each] ?? each))).join(" ")).join(" then ");
}

/** The part of the page that has the focus: the nearest `data-keys`, else the view's own. */
export function scopeOf(element: Element | null): Scope {
  const named = element?.closest<HTMLElement>("[data-keys]")?.dataset["keys"];
  if (named !== undefined) return named as Scope;
  const name = view.peek().view;
  return name === "inbox" || name === "graph" ? name : "board";
}

function isWriting(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element.isContentEditable) return true;
  if (element instanceof HTMLInputElement) return !["checkbox", "radio", "button", "submit", "reset", "range", "file"].includes(element.type);
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement;
}

/** A menu or the palette is open: keys belong to it. */
export const layers = signal(0);

let first_key: string | null = null;
let first_timer: ReturnType<typeof setTimeout> | undefined;

function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 && event.shiftKey === false ? event.key.toLowerCase() : event.key;
  let name = key;
  // A shifted letter or sign is already another key; Shift counts for the named keys.
  if (event.shiftKey && key.length > 1) name = `Shift+${name}`;
  if (event.ctrlKey || event.metaKey) name = `Mod+${key.length === 1 ? key.toLowerCase() : name}`;
  return name;
}

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const name = nameOf(event);
  const isMod = name.startsWith("Mod+");
  const target = event.target instanceof Element ? event.target : null;
  if (dialogs.peek().length > 0 || layers.peek() > 0) return;
  if (isWriting(target) && !(isMod && name !== "Mod+a" && name !== "Mod+z") && name !== "Escape") return;
  const isSingle = !isMod && event.key.length === 1 && event.key !== " ";
  if (isSingle && !lettersOn.peek()) return;
  // Buttons and links have Enter and Space for themselves.
  if ((name === "Enter" || name === " ") && target?.matches("button, a, summary, [role=menuitem], [role=tab]") === true) return;
  const sequence = first_key === null ? null : `${first_key} ${name}`;
  first_key = null;
  clearTimeout(first_timer);
  const scope = scopeOf(target);
  const fits = (row: KeyRow, key: string): boolean => row.keys.includes(key) && (row.where.length === 0 || row.where.includes(scope));
  const row = (sequence === null ? undefined : KEYS.find((each) => fits(each, sequence))) ?? KEYS.find((each) => fits(each, name) && hasAction(each.id));
  if (row !== undefined) {
    if (runKey(row.id, event, scope)) event.preventDefault();
    return;
  }
  if (KEYS.some((each) => each.keys.some((key) => key.startsWith(`${name} `)))) {
    first_key = name;
    first_timer = setTimeout(() => (first_key = null), 1200);
  }
}

export function followKeys(): void {
  document.addEventListener("keydown", handle);
}
