import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { KEYS, layers, lettersOn, onKey, printKey, setLetters, type KeyRow } from "../keys";
import "./palette.css";

const isOpen = signal(false);
const GROUPS: KeyRow["group"][] = ["Cards", "Task", "Selection", "Go to", "Page"];
const PLACES: Record<string, string> = { board: "board", drawer: "open task", inbox: "needs you", graph: "graph" };

/** The sheet of all keys, from the table that handles them. */
export function Help() {
  useEffect(() => onKey("page.help", () => void (isOpen.value = true)), []);
  return isOpen.value ? <Sheet /> : null;
}

function Sheet() {
  const dialog = useRef<HTMLDialogElement>(null);
  const before = useMemo(() => document.activeElement, []);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    layers.value += 1;
    return () => {
      layers.value -= 1;
    };
  }, []);
  const close = () => {
    isOpen.value = false;
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  };
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <header class="help-head">
        <h2 id="help-title">Keys</h2>
        <label class="help-switch"><input type="checkbox" checked={lettersOn.value} onChange={(event) => setLetters(event.currentTarget.checked)} /> Single letters as keys</label>
        <button type="button" class="button quiet icon" aria-label="Close" onClick={close}>✕</button>
      </header>
      <div class="help-groups" tabIndex={0} role="group" aria-label="All keys">
        {GROUPS.map((group) => (
          <section key={group} aria-label={group}>
            <h3>{group}</h3>
            <dl>
              {merged(KEYS.filter((row) => row.group === group)).map((row) => (
                <div key={row.id} class="help-row">
                  <dt>{row.keys.map((key) => <kbd key={key}>{printKey(key)}</kbd>)}</dt>
                  <dd>{row.label}{row.where.length > 0 && !row.where.includes("board") && <span class="muted"> · {row.where.map((place) => PLACES[place] ?? place).join(", ")}</span>}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}

/** Rows that say the same in several places are one. */
function merged(rows: readonly KeyRow[]): KeyRow[] {
  const list: KeyRow[] = [];
  for (const row of rows) {
    const same = list.find((one) => one.label.replace("…", "") === row.label.replace("…", "") && one.keys.join() === row.keys.join());
    if (!same) list.push({ ...row });
  }
  return list;
}
