// How this browser shows the board: density, folded columns per board.
import { effect } from "@preact/signals";
import { remembered } from "../state/remembered";
import { boardName } from "../state/board";
import type { Status } from "../wire";

export type Density = "comfortable" | "compact";
export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more";

export const density = remembered<Density>("density", "comfortable", (value): value is Density => value === "comfortable" || value === "compact");
export const theme = remembered<Theme>("theme", "system", (value): value is Theme => value === "system" || value === "light" || value === "dark");
export const contrast = remembered<Contrast>("contrast", "system", (value): value is Contrast => value === "system" || value === "more");

type Folds = Record<string, Record<Status, boolean>>;
const isFolds = (value: unknown): value is Folds => typeof value === "object" && value !== null && !Array.isArray(value);
/** What the person has folded (true) or opened (false), by board; other columns go by what they hold when the board opens. */
export const folds = remembered<Folds>("folds", {}, isFolds);

export function setFold(status: Status, isFolded: boolean): void {
  const board = boardName.peek();
  folds.value = { ...folds.peek(), [board]: { ...folds.peek()[board], [status]: isFolded } };
}

export const CARD_PX: Record<Density, number> = { comfortable: 112, compact: 72 };
export const GAP_PX: Record<Density, number> = { comfortable: 8, compact: 6 };

/** Puts the choices on the root element, where the tokens read them. */
export function followSettings(): void {
  const root = document.documentElement;
  effect(() => {
    root.dataset["density"] = density.value;
    if (theme.value === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme.value;
    if (contrast.value === "system") delete root.dataset["contrast"];
    else root.dataset["contrast"] = contrast.value;
  });
}
