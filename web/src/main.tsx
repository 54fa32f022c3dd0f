import { render } from "preact";
import "./base.css";
import { followSettings } from "./board/settings";
import { followNotifications } from "./inbox/notifications";
import { followKeys } from "./keys";
import { App } from "./shell/App";
import { followTitle } from "./shell/title";
import { loadBoard, followView } from "./state/load";
import { loadMoves, showRefusal } from "./state/moves";
import { followSelection } from "./state/selection";
import { followStatus } from "./state/status";
import { followBoard } from "./state/stream";

followSettings();
followStatus();
followKeys();
followTitle();
followSelection();
followNotifications();

const root = document.getElementById("app");
if (root !== null) {
  // The frames in the HTML were the first paint; the page takes their place in one step.
  root.replaceChildren();
  render(<App />, root);
}

// The stream says hello while the snapshot is on its way; it is asked to go on from the snapshot's cursor.
void loadMoves().catch(showRefusal);
void loadBoard().then(() => {
  followView();
  followBoard();
});
