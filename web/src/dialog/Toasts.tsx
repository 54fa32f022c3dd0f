import { takeBack } from "../state/undo";
import { dropToast, toasts, type Toast } from "./state";

export function Toasts() {
  return (
    <div class="toasts">
      {toasts.value.map((toast) => (
        <ToastBox key={toast.key} toast={toast} />
      ))}
    </div>
  );
}

function ToastBox(props: { toast: Toast }) {
  const { toast } = props;
  return (
    <div class={`toast ${toast.kind}`}>
      <div class="spread">
        <p>{toast.text}</p>
        {toast.hint !== null && <p class="meta">{toast.hint}</p>}
        {toast.details.length > 0 && (
          <details>
            <summary>Details</summary>
            <ul class="quiet-list meta">{toast.details.map((line) => <li>{line}</li>)}</ul>
          </details>
        )}
      </div>
      {toast.undo !== null && (
        <button
          type="button"
          class="button small"
          onClick={() => {
            dropToast(toast.key);
            void takeBack(toast.undo ?? undefined);
          }}
        >
          Undo
        </button>
      )}
      <button type="button" class="button quiet icon small" aria-label="Close the notice" onClick={() => dropToast(toast.key)}>✕</button>
    </div>
  );
}
