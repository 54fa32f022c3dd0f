// Everything that is not daily work: pages, how the board looks, help.
import { contrast, density, theme, type Theme } from "../board/settings";
import { hasAction, lettersOn, runKey, setLetters } from "../keys";
import { openMenu, type MenuItem } from "../parts/Menu";
import { daemonVersion, facets, me } from "../state/board";
import { go, view } from "../state/view";
import { dispatchItems } from "./DispatchChip";
import { openFilterMenu } from "./FilterButtons";
import { isPhone } from "./screen";
import { extraMenuItems } from "./extras";

const THEMES: readonly { value: Theme; label: string }[] = [{ value: "system", label: "As the system" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }];

export function openPageMenu(at: Element): void {
  const current = view.peek();
  const phone: MenuItem[] = isPhone.peek()
    ? [
        { label: "Filter by assignee…", group: "Filter", run: () => openFilterMenu("assignee", at) },
        { label: "Filter by label…", run: () => openFilterMenu("label", at) },
        ...(facets.peek().tenants.length > 0 ? [{ label: "Filter by tenant…", run: () => openFilterMenu("tenant", at) }] : []),
        ...dispatchItems().map((item, index) => (index === 0 ? { ...item, group: "Dispatch" } : item)),
      ]
    : [];
  openMenu({
    label: "More",
    at,
    items: [
      { label: "Board", detail: "g b", group: "Go to", run: () => go({ view: "board" }) },
      { label: "Needs you", detail: "g i", run: () => go({ view: "inbox" }) },
      { label: "Statistics", detail: "g s", run: () => go({ view: "statistics" }) },
      { label: "Schedules", detail: "g t", run: () => go({ view: "schedules" }) },
      { label: "Profiles", detail: "g p", run: () => go({ view: "profiles" }) },
      ...phone,
      { label: "Archived column", group: "Show", isOn: current.archived, run: () => go({ archived: !current.archived }, { replace: true }) },
      { label: "Lanes by profile in Running", isOn: current.lanes, run: () => go({ lanes: !current.lanes }, { replace: true }) },
      { label: "Compact cards", isOn: density.peek() === "compact", run: () => (density.value = density.peek() === "compact" ? "comfortable" : "compact") },
      ...THEMES.map((row, index) => ({ label: row.label, ...(index === 0 ? { group: "Theme" } : {}), isOn: theme.peek() === row.value, run: () => void (theme.value = row.value) })),
      { label: "High contrast", isOn: contrast.peek() === "more", run: () => void (contrast.value = contrast.peek() === "more" ? "system" : "more") },
      ...extraMenuItems(),
      ...(hasAction("page.palette") ? [{ label: "Find a command…", detail: "Ctrl K", isApart: true, run: () => void runKey("page.palette") }] : []),
      { label: "Single letters as keys", isOn: lettersOn.peek(), run: () => setLetters(!lettersOn.peek()) },
      ...(hasAction("page.help") ? [{ label: "Keys", detail: "?", run: () => void runKey("page.help") }] : []),
      { label: me.peek() === "" ? "kanband" : `Logged in as ${me.peek()}`, detail: daemonVersion.peek(), isApart: true, refusal: daemonVersion.peek(), run: () => undefined },
    ],
  });
}
