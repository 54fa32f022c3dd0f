import { useSignal } from "@preact/signals";

import { asRefusal, get, type Refusal } from "../api";
import { Problem } from "../parts/Problem";
import type { TaskView } from "../wire";
import { Attachments, type Uploads } from "./Attachments";
import { Body } from "./Body";
import { Facts } from "./Facts";
import { Links } from "./Links";

interface Props {
  view: TaskView;
  uploads: Uploads;
  onChanged: () => void;
}

/** What the task is: its description, its facts, its neighbours and its files. */
export function Overview({ view, uploads, onChanged }: Props) {
  const { card } = view;
  return (
    <div class="overview">
      <Body view={view} onSaved={onChanged} />
      <Result view={view} />
      <Facts card={card} task={view.task} schedule={view.schedule} onSaved={onChanged} />
      <Links id={card.id} board={card.board} parents={view.parents} children={view.children} onChanged={onChanged} />
      <Attachments task={card.id} view={view} uploads={uploads} onChanged={onChanged} />
      <Context task={card.id} />
    </div>
  );
}

/** The text that the next worker gets: read when it is opened, and again when it is opened again. */
function Context({ task }: { task: string }) {
  const text = useSignal<string | null>(null);
  const problem = useSignal<Refusal | null>(null);
  async function read() {
    problem.value = null;
    try {
      text.value = (await get<{ context: string }>(`/v1/tasks/${encodeURIComponent(task)}/context`)).context;
    } catch (error) {
      problem.value = asRefusal(error);
    }
  }
  return (
    <details class="run-part" onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>What its worker reads first</summary>
      {problem.value && <Problem refusal={problem.value} retry={() => void read()} />}
      {text.value !== null && <pre class="run-context" tabIndex={0} aria-label="Context">{text.value}</pre>}
    </details>
  );
}

/** What came out, as the worker said it in a line. */
function Result({ view }: { view: TaskView }) {
  const result = typeof view.task["result"] === "string" ? view.task["result"] : view.card.summary;
  if (!result || !["done", "review", "archived"].includes(view.card.status)) return null;
  return (
    <section class="result" aria-label="Result">
      <h3>Result</h3>
      <p>{result}</p>
    </section>
  );
}
