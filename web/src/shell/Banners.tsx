// What holds for the whole page and is not an error of one place.
import { useEffect } from "preact/hooks";
import { session } from "../api";
import { announce, toast } from "../dialog";
import { copyText } from "./copy";
import { isOutdatedPage, resyncs, streamState } from "../state/stream";

export function Banners() {
  useEffect(() => resyncs.subscribe(({ count, why }) => {
    if (count === 0) return;
    toast(/restor/.test(why) ? "The board was restored from a backup: this is its state now." : "Some changes were missed: the board has been read anew.");
  }), []);
  useEffect(() => {
    let before = streamState.peek();
    return streamState.subscribe((state) => {
      if (state === "offline") announce("Offline. What you see may be old.");
      if (state === "live" && (before === "offline" || before === "reconnecting")) announce("Connected again.");
      before = state;
    });
  }, []);
  return (
    <>
      {session.value === "over" && (
        <div class="banner" role="alert">
          <p>You are logged out. The page shows what it had. Make a new link:</p>
          <code>kanban dashboard</code>
          <button type="button" class="button small" onClick={() => copyText("kanban dashboard")}>Copy</button>
        </div>
      )}
      {isOutdatedPage.value && (
        <div class="banner note" role="status">
          <p>The daemon has a newer version of this page.</p>
          <button type="button" class="button small main" onClick={() => location.reload()}>Reload for the new version</button>
        </div>
      )}
    </>
  );
}
