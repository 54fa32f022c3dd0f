import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { onKey } from "../keys";
import { Problem } from "../parts/Problem";
import { boards, facts, modelOf } from "../state/board";
import { view } from "../state/view";
import { act } from "./act";
import { Item } from "./Item";
import { notify, notifyState, switchNotifications } from "./notifications";
import { actionOfKey, GROUPS, rowKey, selectedAfter, wordsOf, type Attention, type Verb } from "./rows";
import { isOnlyMine, problem, refetch, rows, watchInbox } from "./store";
import "./inbox.css";

/** What needs a person, on all boards, worst first: each thing is finished where it stands. */
export function Inbox() {
  const selected = useSignal<string | null>(null);
  const field = useSignal<{ key: string; field: "answer" | "request_changes" } | null>(null);
  const busy = useSignal<string | null>(null);
  const place = useRef(0);
  const list = useRef<HTMLDivElement>(null);
  const hadFocus = useRef(false);

  useEffect(watchInbox, []);

  const sorted = useComputed(() => {
    const all = rows.value ?? [];
    return GROUPS.flatMap(({ id }) => all.filter((row) => wordsOf(row).group === id));
  });
  const keys = sorted.value.map(rowKey);
  const at = keys.length === 0 ? -1 : selectedAfter(keys, selected.value, place.current);
  const current = sorted.value[at];

  const focus = (index: number) => {
    const key = keys[index];
    if (key === undefined) return;
    selected.value = key;
    place.current = index;
    list.current?.querySelectorAll<HTMLElement>(".item")[index]?.focus();
  };
  const choose = (index: number) => {
    selected.value = keys[index] ?? null;
    place.current = index;
  };

  async function run(verb: Verb, row: Attention) {
    if (busy.peek() !== null) return;
    busy.value = rowKey(row);
    await act(verb, row);
    busy.value = null;
  }

  // A row that was finished takes the focus with it: the one in its place gets it.
  useLayoutEffect(() => {
    if (hadFocus.current && document.activeElement === document.body && at >= 0) focus(at);
  }, [keys.join("\n")]);
  useEffect(() => {
    const note = () => (hadFocus.current = list.current?.contains(document.activeElement) ?? false);
    document.addEventListener("focusin", note);
    if (document.activeElement === document.body || document.activeElement === null) focus(0);
    return () => document.removeEventListener("focusin", note);
  }, [rows.value !== null]);

  const now = useRef({ at, current, keys });
  now.current = { at, current, keys };
  useEffect(() => {
    const ends = [
      onKey("inbox.down", () => focusAt(1)),
      onKey("inbox.up", () => focusAt(-1)),
      onKey("inbox.open", () => {
        if (!now.current.current) return false;
        const [task] = now.current.current.tasks;
        void run(task ? "open" : (wordsOf(now.current.current).actions[0]?.verb ?? "copy"), now.current.current);
      }),
      onKey("inbox.mine", () => (isOnlyMine.value = !isOnlyMine.peek())),
      onKey("page.close", () => {
        if (field.peek() === null) return false;
        closeField();
      }),
      ...["answer", "approve", "request_changes", "unblock", "retry", "archive"].map((name) =>
        onKey(`inbox.${name}`, () => {
          const row = now.current.current;
          const verb = row ? actionOfKey(row, name) : null;
          if (!row || !verb) return false;
          if (verb === "answer" || verb === "request_changes") field.value = { key: rowKey(row), field: verb };
          else void run(verb, row);
        }),
      ),
    ];
    return () => ends.forEach((end) => end());
  }, []);

  function focusAt(by: number) {
    const { at: from, keys: all } = now.current;
    const items = list.current?.querySelectorAll<HTMLElement>(".item");
    const index = Math.max(0, Math.min(all.length - 1, list.current?.contains(document.activeElement) ? from + by : from));
    selected.value = all[index] ?? null;
    place.current = index;
    items?.[index]?.focus();
  }
  function closeField() {
    field.value = null;
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(".item.is-selected")?.focus());
  }

  const showsBoard = boards.value.length > 1;
  return (
    <section class="inbox" data-keys="inbox" aria-labelledby="inbox-title">
      <header class="inbox-head">
        <h1 id="inbox-title">Needs you</h1>
        {keys.length > 0 && <span class="count">{keys.length}</span>}
        <span class="spread" />
        <label class="inbox-switch" title="Tasks that you have, have created or review; nothing of the host">
          <input type="checkbox" checked={isOnlyMine.value} onChange={(event) => (isOnlyMine.value = event.currentTarget.checked)} />
          Only mine
        </label>
        <NotifySwitch />
      </header>
      {problem.value && <Problem refusal={problem.value} retry={() => void refetch()} />}
      {rows.value === null && !problem.value && <p class="empty-line" aria-busy="true">Looking…</p>}
      {rows.value !== null && keys.length === 0 && <Nothing />}
      <div ref={list} class="inbox-groups">
        {GROUPS.map(({ id, title }) => {
          const here = sorted.value.map((row, index) => ({ row, index })).filter(({ row }) => wordsOf(row).group === id);
          if (here.length === 0) return null;
          return (
            <section key={id} aria-label={title}>
              <h2 class="inbox-group">{title}</h2>
              <ul class="items" role="list">
                {here.map(({ row, index }) => {
                  const key = rowKey(row);
                  return (
                    <Item
                      key={key}
                      id={`inbox-${index}`}
                      row={row}
                      isSelected={index === at}
                      isBusy={busy.value === key}
                      showsBoard={showsBoard}
                      field={field.value?.key === key ? field.value.field : null}
                      onSelect={() => choose(index)}
                      onField={(next) => {
                        if (next === null) closeField();
                        else field.value = { key, field: next };
                      }}
                      onAct={(verb) => void run(verb, row)}
                    />
                  );
                })}
              </ul>
            </section>
          );
        })}
      </div>
    </section>
  );
}

function Nothing() {
  const running = facts.value?.open_runs ?? modelOf("running").total.value;
  const waiting = modelOf("ready").total.value + modelOf("todo").total.value + modelOf("scheduled").total.value;
  return (
    <div class="inbox-empty">
      <p class="inbox-empty-sign" aria-hidden="true">✓</p>
      <p><strong>{isOnlyMine.value ? "Nothing of yours needs you." : "Nothing needs you."}</strong></p>
      <p class="muted">{running === 1 ? "1 runs" : `${running} run`}, {waiting === 1 ? "1 waits" : `${waiting} wait`}{boards.value.length > 1 ? ` on ${view.value.board}` : ""}.</p>
    </div>
  );
}

function NotifySwitch() {
  if (notifyState.value === "unsupported") return null;
  const isOn = notify.value && notifyState.value === "granted";
  return (
    <label class="inbox-switch">
      <input type="checkbox" checked={isOn} disabled={notifyState.value === "denied"} onChange={(event) => void switchNotifications(event.currentTarget.checked)} />
      Notify me
      {notifyState.value === "denied" && <span class="muted"> (the browser refuses)</span>}
    </label>
  );
}

