// The only place that drives TanStack's virtual-core, which is meant for adapters: fixed heights, no measuring.
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer, type VirtualItem } from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";

export interface WindowWish {
  scroller: { current: HTMLElement | null };
  count: number;
  /** Height of a row without the gap, px. */
  size: (index: number) => number;
  gap_px: number;
  padding_px: number;
  overscan: number;
}

export interface Window {
  items: readonly VirtualItem[];
  total_px: number;
  scrollTo: (index: number) => void;
}

export function useWindow(wish: WindowWish, layout_key: string): Window {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(optionsOf(wish, redraw)));
  virtualizer.setOptions(optionsOf(wish, redraw));
  const last_key = useRef(layout_key);
  if (last_key.current !== layout_key) {
    last_key.current = layout_key;
    virtualizer.measure();
  }
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  useEffect(() => redraw(), []);
  return {
    items: virtualizer.getVirtualItems(),
    total_px: virtualizer.getTotalSize(),
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
  };
}

function optionsOf(wish: WindowWish, redraw: () => void) {
  return {
    count: wish.count,
    getScrollElement: () => wish.scroller.current,
    estimateSize: wish.size,
    gap: wish.gap_px,
    paddingStart: wish.padding_px,
    paddingEnd: wish.padding_px,
    scrollPaddingStart: wish.padding_px,
    scrollPaddingEnd: wish.padding_px,
    overscan: wish.overscan,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    initialRect: { width: 264, height: 800 },
    onChange: () => redraw(),
  };
}
