import { useLayoutEffect, useRef } from "preact/hooks";

import { wordsOf } from "./facts";
import type { Task } from "../wire";

interface Props {
  label: string;
  mine: string;
  /** The task as others left it. */
  current: Task;
  fields: string[];
  onMine: () => void;
  onTheirs: () => void;
}

/** Both texts, when another has changed what is being edited. Nothing is written until the person decides. */
export function Conflict({ label, mine, current, fields, onMine, onTheirs }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.focus(), []);
  const name = fields[0] ?? "";
  return (
    <div ref={box} class="conflict" role="alert" tabIndex={-1}>
      <p><strong>{label} was changed meanwhile.</strong> Nothing is saved yet.</p>
      <div class="conflict-texts">
        <figure>
          <figcaption>As it is now</figcaption>
          <pre>{wordsOf(current, name)}</pre>
        </figure>
        <figure>
          <figcaption>Yours</figcaption>
          <pre>{mine === "" ? "(empty)" : mine}</pre>
        </figure>
      </div>
      <div class="row">
        <button type="button" class="button" onClick={onMine}>Save mine over it</button>
        <button type="button" class="button" onClick={onTheirs}>Keep what is there</button>
      </div>
    </div>
  );
}
