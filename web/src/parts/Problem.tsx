import type { Refusal } from "../api";

/** An error where it happened, with the daemon's words. */
export function Problem(props: { refusal: Refusal | { message: string; hint?: string | null }; retry?: () => void }) {
  const { message, hint } = props.refusal;
  return (
    <div class="problem" role="alert">
      <p>{message}</p>
      {hint !== null && hint !== undefined && <p class="meta">{hint}</p>}
      {props.retry !== undefined && (
        <button type="button" class="button small" onClick={props.retry}>
          Try again
        </button>
      )}
    </div>
  );
}
