import { post } from "../api";
import { ask } from "../dialog";
import { openMenu } from "../parts/Menu";
import { boards } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { go, view } from "../state/view";

/** Shows another board; its filters are its own, so they go. */
export function switchBoard(name: string): void {
  go({ board: name, task: null, tab: null, assignee: [], tenant: [], label: [], text: "" });
}

async function createBoard(): Promise<void> {
  await ask([{ name: "name", kind: "line", label: "Name", isRequired: true, hint: "Lower-case letters, digits and dashes." }, { name: "description", kind: "line", label: "What it is for" }], {
    title: "New board",
    action: "Create",
    submit: async (values) => {
      const name = String(values["name"]).trim();
      await post("/v1/boards", { name, ...(values["description"] ? { description: values["description"] } : {}) });
      switchBoard(name);
    },
  });
}

export function BoardSwitcher() {
  const current = view.value.board;
  const open = (at: Element): void => {
    const names = boards.peek().some((board) => board.name === current) ? boards.peek() : [{ name: current, open: 0 }, ...boards.peek()];
    openMenu({
      label: "Boards",
      at,
      items: [
        ...names.map((board) => ({ label: board.name, detail: board.open === 0 ? "empty" : `${board.open.toLocaleString("en-US")} open`, isOn: board.name === current, run: () => switchBoard(board.name) })),
        { label: "New board…", isApart: true, ...(canWrite.peek() ? {} : { refusal: whyNot.peek() ?? "" }), run: () => void createBoard() },
      ],
    });
  };
  return (
    <h1 class="board-name">
      <button type="button" class="button quiet" aria-haspopup="menu" title="Choose a board" onClick={(event) => open(event.currentTarget)}>
        <span class="brand" aria-hidden="true" />
        <span class="unseen">Board: </span>
        <span class="clip">{current}</span>
        <span class="caret" aria-hidden="true">▾</span>
      </button>
    </h1>
  );
}
