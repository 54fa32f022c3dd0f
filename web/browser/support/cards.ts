// The board as the tests see and touch it.
import type { Locator, Page } from "playwright-core";

export const card = (page: Page, id: string): Locator => page.locator(`[data-card="${id}"]`);
export const column = (page: Page, status: string): Locator => page.locator(`section.column[data-status=${status}]`);
export const inColumn = (page: Page, id: string, status: string): Locator => column(page, status).locator(`[data-card="${id}"]`);
export const dialog = (page: Page): Locator => page.locator("dialog[open]");
export const toast = (page: Page, words: string | RegExp): Locator => page.locator(".toast", { hasText: words });

/** Ids of a column from its top, as far as they are mounted. */
export function idsOf(page: Page, status: string): Promise<string[]> {
  return page.$$eval(`section.column[data-status=${status}] [data-card]`, (list) =>
    list
      .map((each) => ({ id: each.getAttribute("data-card") ?? "", at: Number(each.getAttribute("aria-posinset")) }))
      .sort((a, b) => a.at - b.at)
      .map((each) => each.id),
  );
}

/** Takes a card with the mouse and brings it over a column; it is not let go. */
export async function carry(page: Page, id: string, status: string): Promise<void> {
  await card(page, id).scrollIntoViewIfNeeded();
  const from = await card(page, id).boundingBox();
  const to = await page.locator(`section[data-status=${status}]`).first().boundingBox();
  if (from === null || to === null) throw new Error(`${id} or ${status} is not on the screen`);
  const start = { x: from.x + from.width / 2, y: from.y + from.height - 14 };
  const goal = { x: to.x + to.width / 2, y: to.y + Math.min(to.height / 2, 240) };
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  for (let step = 1; step <= 4; step += 1) await page.mouse.move(start.x + ((goal.x - start.x) * step) / 4, start.y + ((goal.y - start.y) * step) / 4);
  await page.mouse.move(goal.x + 2, goal.y + 2);
}

export async function drop(page: Page, id: string, status: string): Promise<void> {
  await carry(page, id, status);
  await page.mouse.up();
}

export async function focusCard(page: Page, id: string): Promise<void> {
  await card(page, id).focus();
}

/** The id of the card that has the focus. */
export function focusedCard(page: Page): Promise<string | null> {
  return page.evaluate(() => document.activeElement?.getAttribute("data-card") ?? null);
}
