// The toolbar: which board, what is searched and filtered, what needs a person, whether the page is live, and a new task.
import { openComposer } from "../composer/state";
import { facts } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { go, view } from "../state/view";
import { BoardSwitcher } from "./BoardSwitcher";
import { ConnectionChip } from "./ConnectionChip";
import { DispatchChip } from "./DispatchChip";
import { FilterButtons } from "./FilterButtons";
import { openPageMenu } from "./pageMenu";
import { isPhone } from "./screen";
import { SearchField } from "./SearchField";

export function Toolbar() {
  const attention = facts.value?.attention ?? 0;
  const name = view.value.view;
  const isInbox = name === "inbox";
  return (
    <header class="toolbar">
      <BoardSwitcher />
      <SearchField />
      <FilterButtons />
      <span class="spread" />
      <DispatchChip />
      {!isPhone.value && (
        <button type="button" class="button quiet needs" data-count={attention} aria-pressed={isInbox} onClick={() => go({ view: isInbox ? "board" : "inbox" })}>
          <span class="flag-sign" aria-hidden="true" />
          {isInbox ? "Board" : "Needs you"}
          {!isInbox && attention > 0 && <b class="tabular badge">{attention}</b>}
        </button>
      )}
      <ConnectionChip />
      <button type="button" class="button quiet icon" aria-label="More" aria-haspopup="menu" onClick={(event) => openPageMenu(event.currentTarget)}>⋯</button>
      {!isPhone.value && (
        <button type="button" class="button main" disabled={!canWrite.value} title={whyNot.value ?? "New task (c)"} onClick={() => openComposer()}>
          + New
        </button>
      )}
    </header>
  );
}
