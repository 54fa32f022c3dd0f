import { openComposer } from "../composer/state";
import { StatusSign } from "../parts";
import { isFirstLoad, modelOf } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { hasFilter } from "../state/url";
import { view } from "../state/view";
import { statusWords } from "../text";
import type { Status } from "../wire";
import { openColumnMenu } from "./menus";
import { quickColumn } from "./quick";

const CREATES: ReadonlySet<Status> = new Set(["triage", "todo", "scheduled", "ready"]);

export function ColumnHead({ status, title_id }: { status: Status; title_id: string }) {
  const words = statusWords(status);
  // Tab stops once in a column: at a card, where `c` and `.` do what these buttons do; in an empty one at its menu.
  return (
    <header class="column-head">
      <h2 id={title_id} title={words.arrives}>
        <StatusSign status={status} />
        {words.word}
      </h2>
      <Count status={status} />
      <span class="spread" />
      {CREATES.has(status) && (
        <button type="button" tabIndex={-1} class="button quiet icon small" aria-label={`New task in ${words.word}`} title={whyNot.value ?? `New task in ${words.word}`} disabled={!canWrite.value} onClick={() => create(status)}>
          +
        </button>
      )}
      <button type="button" tabIndex={modelOf(status).ids.value.length === 0 ? 0 : -1} data-column-menu={status} class="button quiet icon small" aria-label={`${words.word}: more`} aria-haspopup="menu" onClick={(event) => openColumnMenu(status, event.currentTarget)}>
        ⋯
      </button>
    </header>
  );
}

/** One line is enough for most columns; a time or parents need the form. */
export function create(status: Status): void {
  if (status === "scheduled" || status === "todo") openComposer({ column: status });
  else quickColumn.value = status;
}

function Count({ status }: { status: Status }) {
  const model = modelOf(status);
  if (isFirstLoad.value) return null;
  const count = model.count.value.toLocaleString("en-US") + (model.isExact.value ? "" : "+");
  return <span class="count">{hasFilter(view.value) ? `${count} of ${model.total.value.toLocaleString("en-US")}` : count}</span>;
}
