// How wide the columns are. Pure.

const SPINE_PX = 40;
const EDGES_PX = 28;

/** Width of a column, px: narrower than usual when that brings all open columns onto the screen. */
export function columnWidthOf(room_px: number, open: number, folded: number, usual_px: number, least_px: number): number {
  const fit_px = Math.floor((room_px - EDGES_PX - folded * SPINE_PX) / Math.max(1, open)) - 4;
  return fit_px >= least_px ? Math.min(usual_px, fit_px) : usual_px;
}
