// A status as shape, colour and word: any two of the three may be missing for a reader.
import { statusWords } from "../text";
import type { Status } from "../wire";

const SHAPES: Record<string, { d: string; isLine?: boolean }> = {
  triage: { d: "M6 1.2 10.8 6 6 10.8 1.2 6Z", isLine: true },
  todo: { d: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z", isLine: true },
  scheduled: { d: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9ZM6 3.4V6l2 1.4", isLine: true },
  ready: { d: "M2.6 1.8 10 6l-7.4 4.2Z", isLine: true },
  running: { d: "M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z" },
  blocked: { d: "M2 2h8v8H2Z" },
  review: { d: "M6 .8 11.2 6 6 11.2.8 6Z" },
  done: { d: "m1.8 6.4 2.9 2.9 5.5-6.2", isLine: true },
  archived: { d: "M3 3h6v6H3Z", isLine: true },
};

export function StatusSign(props: { status: Status; title?: string }) {
  const shape = SHAPES[props.status] ?? { d: "M2 6h8", isLine: true };
  return (
    <svg class="sign" viewBox="0 0 12 12" data-status={props.status} aria-hidden="true" focusable="false">
      <path d={shape.d} fill={shape.isLine === true ? "none" : "currentColor"} stroke="currentColor" stroke-width={shape.isLine === true ? 1.6 : 0} stroke-linejoin="round" stroke-linecap="round" />
    </svg>
  );
}

export function StatusMark(props: { status: Status; isBare?: boolean }) {
  const { word } = statusWords(props.status);
  return (
    <span class="status" data-status={props.status}>
      <StatusSign status={props.status} />
      <span class={props.isBare === true ? "unseen" : ""}>{word}</span>
    </span>
  );
}
