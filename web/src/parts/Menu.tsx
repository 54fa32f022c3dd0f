// A menu by the ARIA pattern: arrows, first letters, Escape; focus goes back to where it was.
import { signal } from "@preact/signals";
import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { layers } from "../keys";

export interface MenuItem {
  label: string;
  /** Small words at the end: what it will ask, a key. */
  detail?: string;
  icon?: ComponentChildren;
  /** A heading before this item. */
  group?: string;
  /** A rule before this item. */
  isApart?: boolean;
  /** A switch, on or off; absent: a plain item. */
  isOn?: boolean;
  /** Why it cannot be done now. */
  refusal?: string;
  run: () => void;
}

export interface OpenMenu {
  label: string;
  items: readonly MenuItem[];
  /** Where it opens: an element (below it) or a point. */
  at: Element | { x: number; y: number };
  /** Where the focus goes after it; default: where it was. */
  back?: () => void;
}

export const menu = signal<OpenMenu | null>(null);

export function openMenu(wish: OpenMenu): void {
  const before = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  menu.value = { back: () => before?.focus(), ...wish };
}

function close(goesBack: boolean): void {
  const open = menu.peek();
  menu.value = null;
  if (goesBack) open?.back?.();
}

/** The place of the one menu that is open; mounted once. */
export function MenuHost() {
  const open = menu.value;
  return open === null ? null : <MenuBox key={open} open={open} />;
}

function placeOf(at: OpenMenu["at"], box: HTMLElement): { x: number; y: number } {
  const size = box.getBoundingClientRect();
  const margin = 8;
  let x: number;
  let y: number;
  if (at instanceof Element) {
    const rect = at.getBoundingClientRect();
    x = rect.left;
    y = rect.bottom + 4;
    if (y + size.height > innerHeight - margin && rect.top - size.height - 4 > margin) y = rect.top - size.height - 4;
  } else ({ x, y } = at);
  return { x: Math.max(margin, Math.min(x, innerWidth - size.width - margin)), y: Math.max(margin, Math.min(y, innerHeight - size.height - margin)) };
}

function MenuBox(props: { open: OpenMenu }) {
  const { open } = props;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { x, y } = placeOf(open.at, element);
    element.style.left = `${x}px`;
    element.style.top = `${y}px`;
    // A menu that is a choice begins at what is chosen.
    const first = element.querySelector<HTMLElement>('[role^="menuitem"]');
    const checked = first?.hasAttribute("aria-checked") === true ? element.querySelector<HTMLElement>('[aria-checked="true"]') : null;
    (checked ?? first)?.focus();
  }, []);
  useLayoutEffect(() => {
    layers.value += 1;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && box.current?.contains(event.target) === true) return;
      close(false);
    };
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", outside);
    return () => {
      layers.value -= 1;
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", outside);
    };
  }, []);
  const key = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role^="menuitem"]')];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const focus = (index: number): void => items[(index + items.length) % items.length]?.focus();
    if (event.key === "ArrowDown") focus(at + 1);
    else if (event.key === "ArrowUp") focus(at - 1);
    else if (event.key === "Home") focus(0);
    else if (event.key === "End") focus(-1);
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && event.key !== " ") {
      const letter = event.key.toLowerCase();
      const next = [...items.slice(at + 1), ...items.slice(0, at + 1)].find((item) => item.textContent?.trim().toLowerCase().startsWith(letter));
      next?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={box} class="menu" role="menu" aria-label={open.label} onKeyDown={key}>
      {open.items.map((item) => (
        <MenuRow item={item} />
      ))}
    </div>
  );
}

function MenuRow(props: { item: MenuItem }) {
  const { item } = props;
  const isSwitch = item.isOn !== undefined;
  const run = (): void => {
    if (item.refusal !== undefined) return;
    close(true);
    item.run();
  };
  const content = (
    <>
      {isSwitch && <span class="tick" aria-hidden="true">{item.isOn === true ? "✓" : "\u2003"}</span>}
      {item.icon}
      <span class="clip">{item.label}</span>
      {(item.refusal ?? item.detail) !== undefined && <span class="detail">{item.refusal ?? item.detail}</span>}
    </>
  );
  return (
    <>
      {item.isApart === true && <hr />}
      {item.group !== undefined && <div class="group" role="presentation">{item.group}</div>}
      {isSwitch ? (
        <button type="button" role="menuitemcheckbox" aria-checked={item.isOn === true} aria-disabled={item.refusal !== undefined} tabIndex={-1} onClick={run}>{content}</button>
      ) : (
        <button type="button" role="menuitem" aria-disabled={item.refusal !== undefined} tabIndex={-1} onClick={run}>{content}</button>
      )}
    </>
  );
}
