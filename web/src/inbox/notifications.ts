// Notices of the browser, for who wants them: one for each thing that needs a person, closed when it is gone.

import { effect, signal } from "@preact/signals";

import { remembered } from "../state/remembered";
import { go, openTask } from "../state/view";
import { asked, changes, rowKey, titleOf, wordsOf, type Attention } from "./rows";
import { rows, watchInbox } from "./store";

const isFlag = (value: unknown): value is boolean => typeof value === "boolean";

/** Whether the person has asked for them. */
export const notify = remembered("notify", false, isFlag);
export const notifyState = signal<NotificationPermission | "unsupported">(typeof Notification === "undefined" || !window.isSecureContext ? "unsupported" : Notification.permission);

export async function switchNotifications(isOn: boolean): Promise<void> {
  if (!isOn || notifyState.peek() === "unsupported") {
    notify.value = false;
    return;
  }
  notifyState.value = await Notification.requestPermission();
  notify.value = notifyState.value === "granted";
}

const open = new Map<string, Notification>();

function show(row: Attention): void {
  const key = rowKey(row);
  const notice = new Notification(titleOf(row), { body: `${wordsOf(row).label}: ${asked(row)}`.slice(0, 300), tag: `kanband:${key}` });
  notice.onclick = () => {
    window.focus();
    notice.close();
    const [task] = row.tasks;
    if (task && row.count === 1) openTask(task.id);
    else go({ view: "inbox" });
  };
  notice.onclose = () => {
    if (open.get(key) === notice) open.delete(key);
  };
  open.set(key, notice);
}

/** Watches the inbox while notices are wanted. Called once, by the page. */
export function followNotifications(): void {
  let unwatch: (() => void) | null = null;
  let known: ReadonlySet<string> | null = null;
  effect(() => {
    const isOn = notify.value && notifyState.value === "granted";
    if (isOn && !unwatch) {
      unwatch = watchInbox();
      // What the inbox shows already is no news; the next thing is.
      const list = rows.peek();
      known = list === null ? null : new Set(list.map(rowKey));
    } else if (!isOn && unwatch) {
      unwatch();
      unwatch = null;
      known = null;
      for (const notice of open.values()) notice.close();
    }
  });
  effect(() => {
    const list = rows.value;
    if (list === null || !unwatch) return;
    const { fresh, gone } = changes(known, list);
    known = new Set(list.map(rowKey));
    for (const key of gone) open.get(key)?.close();
    // Who looks at the page sees it there.
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    for (const row of fresh) show(row);
  });
}
