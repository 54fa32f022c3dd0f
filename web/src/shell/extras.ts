// Further items of the page's menu: other parts register theirs (saved views, notifications).
import type { MenuItem } from "../parts/Menu";

const makers: (() => MenuItem[])[] = [];

export function addMenuItems(make: () => MenuItem[]): void {
  makers.push(make);
}

export function extraMenuItems(): MenuItem[] {
  return makers.flatMap((make) => make());
}
