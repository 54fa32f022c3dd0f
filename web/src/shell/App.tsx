// The page: toolbar, the view, the drawer beside it, and what floats above.
import { lazy, Suspense } from "./lazy";
import { useEffect } from "preact/hooks";
import { Board } from "../board/Board";
import { registerTaskKeys } from "../board/keys";
import { Composer } from "../composer/Composer";
import { Dialogs } from "../dialog/Dialogs";
import { Drawer } from "../drawer/Drawer";
import { Inbox } from "../inbox/Inbox";
import { Help } from "../palette/Help";
import { Palette } from "../palette/Palette";
import { MenuHost } from "../parts/Menu";
import { view } from "../state/view";
import { Banners } from "./Banners";
import { BottomBar } from "./BottomBar";
import { isPhone } from "./screen";
import { Toolbar } from "./Toolbar";
import "./shell.css";

const Graph = lazy(() => import("../pages/Graph").then((part) => part.Graph));
const Statistics = lazy(() => import("../pages/Statistics").then((part) => part.Statistics));
const Schedules = lazy(() => import("../pages/Schedules").then((part) => part.Schedules));
const Profiles = lazy(() => import("../pages/Profiles").then((part) => part.Profiles));

const NAMES: Record<string, string> = { board: "Board", inbox: "Needs you", graph: "Graph", statistics: "Statistics", schedules: "Schedules", profiles: "Profiles" };

function Page() {
  switch (view.value.view) {
    case "inbox":
      return <Inbox />;
    case "graph":
      return <Suspense><Graph /></Suspense>;
    case "statistics":
      return <Suspense><Statistics /></Suspense>;
    case "schedules":
      return <Suspense><Schedules /></Suspense>;
    case "profiles":
      return <Suspense><Profiles /></Suspense>;
    default:
      return <Board />;
  }
}

export function App() {
  useEffect(() => registerTaskKeys(), []);
  const name = view.value.view;
  return (
    <div class="app" data-view={name}>
      <a class="skip button" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to the content</a>
      <Toolbar />
      <Banners />
      <main id="main" class="content" data-keys={name === "inbox" || name === "graph" ? name : "board"} aria-label={NAMES[name] ?? name} tabIndex={-1}>
        <Page />
      </main>
      <Drawer />
      {isPhone.value && <BottomBar />}
      <Composer />
      <Palette />
      <Help />
      <MenuHost />
      <Dialogs />
    </div>
  );
}
