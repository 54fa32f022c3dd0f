import { useEffect, useRef } from "preact/hooks";
import { onKey } from "../keys";
import { focusCard } from "../board/focus";
import { columns, statuses } from "../state/board";
import { isFiltering } from "../state/load";
import { go, view } from "../state/view";

/** Search as one types: the filter's text, so the board shows what matches and the URL keeps it. */
export function SearchField() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => onKey("page.search", () => {
    if (view.peek().view !== "board") go({ view: "board" });
    input.current?.focus();
    input.current?.select();
  }), []);
  const toFirst = (): void => {
    const found = statuses.peek().map((status) => columns[status]?.ids.peek()[0]).find((id) => id !== undefined);
    if (found !== undefined) focusCard(found);
  };
  return (
    <div class="search" role="search" data-busy={isFiltering.value}>
      <input
        ref={input}
        class="input"
        type="search"
        aria-label="Search titles, bodies, comments and results"
        placeholder="Search…"
        autocomplete="off"
        spellcheck={false}
        value={view.value.text}
        onInput={(event) => go({ text: event.currentTarget.value, view: "board" }, { replace: true })}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            if (view.peek().text === "") event.currentTarget.blur();
            else go({ text: "" }, { replace: true });
          } else if (event.key === "Enter" || event.key === "ArrowDown") {
            event.preventDefault();
            toFirst();
          }
        }}
      />
      <kbd class="search-key" aria-hidden="true">/</kbd>
    </div>
  );
}
