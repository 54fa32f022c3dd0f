import { useRef } from "preact/hooks";

import { drawerWidth, WIDTH_MAX_PX, WIDTH_MIN_PX } from "./settings";

const STEP_PX = 40;

function set(width: number) {
  // The board keeps a column beside the drawer.
  const most = Math.max(WIDTH_MIN_PX, Math.min(WIDTH_MAX_PX, innerWidth - 320));
  drawerWidth.value = Math.round(Math.min(most, Math.max(WIDTH_MIN_PX, width)));
}

/** The left edge of the drawer: dragged, or moved by the arrow keys. */
export function Resizer() {
  const start = useRef<{ x: number; width: number } | null>(null);
  return (
    <div
      class="drawer-resizer"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the drawer"
      aria-valuenow={drawerWidth.value}
      aria-valuemin={WIDTH_MIN_PX}
      aria-valuemax={WIDTH_MAX_PX}
      tabIndex={0}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width: drawerWidth.peek() };
      }}
      onPointerMove={(event) => {
        if (start.current) set(start.current.width + start.current.x - event.clientX);
      }}
      onPointerUp={() => (start.current = null)}
      onPointerCancel={() => (start.current = null)}
      onDblClick={() => set(560)}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? STEP_PX : event.key === "ArrowRight" ? -STEP_PX : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        set(drawerWidth.peek() + by);
      }}
    />
  );
}
