// The one dialog, the notices and the live region. Mounted once.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asRefusal, type Refusal } from "../api";
import { canWrite, whyNot } from "../state/status";
import { focusCard } from "../board/focus";
import { DialogField } from "./DialogField";
import { announcement, closeDialog, dialogs, type OpenDialog, type Value, type Values } from "./state";
import { Toasts } from "./Toasts";
import "./dialog.css";

export function Dialogs() {
  return (
    <>
      {dialogs.value.map((dialog) => (
        <DialogBox key={dialog.key} dialog={dialog} />
      ))}
      <Toasts />
      <div class="unseen" role="status" aria-live="polite" id="announcer">{announcement.value}</div>
    </>
  );
}

function firstValues(dialog: OpenDialog): Values {
  const values: Values = {};
  for (const field of dialog.fields) values[field.name] = field.value ?? (field.kind === "flag" ? false : null);
  return values;
}

function DialogBox(props: { dialog: OpenDialog }) {
  const { fields, options, key } = props.dialog;
  const element = useRef<HTMLDialogElement>(null);
  const before = useRef<Element | null>(document.activeElement);
  const [values, setValues] = useState<Values>(() => firstValues(props.dialog));
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  // Before the next key comes.
  useLayoutEffect(() => {
    const box = element.current;
    if (box === null) return;
    box.showModal();
    box.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      // What is behind an open dialog takes no focus.
      box.close();
      // The card that the dialog was about may have been mounted anew meanwhile: it is found by its id.
      const old = before.current;
      if (old instanceof HTMLElement && old.isConnected && old !== document.body) old.focus();
      else requestAnimationFrame(() => focusCard());
    };
  }, []);
  const isMissing = (name: string): boolean => {
    const value = values[name];
    return value === null || value === undefined || (typeof value === "string" && value.trim() === "");
  };
  const missing = fields.filter((field) => field.isRequired === true && isMissing(field.name));
  const submit = async (): Promise<void> => {
    setTried(true);
    if (missing.length > 0) {
      element.current?.querySelector<HTMLElement>(`[name="${CSS.escape(missing[0]?.name ?? "")}"]`)?.focus();
      return;
    }
    if (options.submit === undefined) {
      closeDialog(key, values);
      return;
    }
    setBusy(true);
    setRefusal(null);
    try {
      await options.submit(values);
      closeDialog(key, values);
    } catch (error) {
      setRefusal(asRefusal(error));
    } finally {
      setBusy(false);
    }
  };
  const title_id = `dialog-${key}`;
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby={title_id}
      onCancel={(event) => {
        event.preventDefault();
        if (!isBusy) closeDialog(key, null);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          void submit();
        }
      }}
    >
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2 id={title_id}>{options.title}</h2>
        {options.text !== undefined && <p class="muted">{options.text}</p>}
        {fields.map((field, at) => (
          <DialogField
            key={field.name}
            field={field}
            isFirst={at === 0}
            value={values[field.name] ?? null}
            fault={isTried && missing.includes(field) ? "Needed." : null}
            onChange={(value: Value) => setValues((old) => ({ ...old, [field.name]: value }))}
          />
        ))}
        {refusal !== null && (
          <div class="problem" role="alert">
            <p>{refusal.message}</p>
            {refusal.hint !== null && <p class="meta">{refusal.hint}</p>}
          </div>
        )}
        {whyNot.value !== null && <p class="fault">{whyNot.value}</p>}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => closeDialog(key, null)} disabled={isBusy}>
            {options.action.startsWith("Cancel") ? "Back" : "Cancel"}
          </button>
          <button type="submit" class={`button ${options.isDanger === true ? "danger" : "main"}`} disabled={isBusy || !canWrite.value} {...(fields.length === 0 ? { "data-first": "" } : {})}>
            {isBusy ? "Saving…" : options.action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
