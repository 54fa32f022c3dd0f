// Where the nodes of the graph stand: the daemon says the layer, this finds an order inside each that crosses few edges.

import type { Graph } from "../wire";

export const NODE_WIDTH = 196;
export const NODE_HEIGHT = 46;
const GAP_X = 72;
const GAP_Y = 14;
const MARGIN = 16;
const SWEEPS = 6;

export interface Placed { id: string; x: number; y: number; layer: number; row: number }
export interface Layout { nodes: Map<string, Placed>; layers: string[][]; width: number; height: number }

export function layout(graph: Graph): Layout {
  const numbers = [...new Set(graph.nodes.map((node) => node.layer))].sort((a, b) => a - b);
  const layers = numbers.map((number) => graph.nodes.filter((node) => node.layer === number).map((node) => node.id));
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const [from, to] of graph.edges) {
    push(after, from, to);
    push(before, to, from);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    const order = isDown ? layers.keys() : [...layers.keys()].reverse();
    for (const at of order) {
      const next = layers[at + (isDown ? -1 : 1)];
      const here = layers[at];
      if (next && here) layers[at] = sorted(here, next, isDown ? before : after);
    }
  }
  return placed(layers);
}

function push(to: Map<string, string[]>, key: string, value: string): void {
  const list = to.get(key);
  if (list) list.push(value);
  else to.set(key, [value]);
}

/** By the mean place of the neighbours; a node without any keeps its own. */
function sorted(here: string[], next: string[], neighbours: Map<string, string[]>): string[] {
  const places = new Map(next.map((id, index) => [id, index]));
  const weight = new Map(
    here.map((id, index) => {
      const found = (neighbours.get(id) ?? []).flatMap((other) => places.get(other) ?? []);
      return [id, found.length === 0 ? index : found.reduce((sum, place) => sum + place, 0) / found.length];
    }),
  );
  return [...here].sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0));
}

function placed(layers: string[][]): Layout {
  const most = Math.max(1, ...layers.map((layer) => layer.length));
  const tall = most * NODE_HEIGHT + (most - 1) * GAP_Y;
  const nodes = new Map<string, Placed>();
  layers.forEach((layer, column) => {
    const own = layer.length * NODE_HEIGHT + (layer.length - 1) * GAP_Y;
    layer.forEach((id, row) => {
      nodes.set(id, { id, layer: column, row, x: MARGIN + column * (NODE_WIDTH + GAP_X), y: MARGIN + (tall - own) / 2 + row * (NODE_HEIGHT + GAP_Y) });
    });
  });
  const width = 2 * MARGIN + Math.max(0, layers.length * (NODE_WIDTH + GAP_X) - GAP_X);
  return { nodes, layers, width, height: 2 * MARGIN + tall };
}

/** A line from the right side of one node to the left side of another. */
export function edgePath(from: Placed, to: Placed): string {
  const [x1, y1, x2, y2] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2, to.x, to.y + NODE_HEIGHT / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** Where an arrow key leads: along an edge to the side, or to the next node of the layer. */
export function step(graph: Graph, place: Layout, id: string, key: string): string | null {
  const here = place.nodes.get(id);
  if (!here) return null;
  const layer = place.layers[here.layer] ?? [];
  if (key === "ArrowDown") return layer[here.row + 1] ?? null;
  if (key === "ArrowUp") return layer[here.row - 1] ?? null;
  const isRight = key === "ArrowRight";
  if (!isRight && key !== "ArrowLeft") return null;
  const linked = graph.edges.flatMap(([from, to]) => (isRight && from === id ? [to] : !isRight && to === id ? [from] : []));
  const beside = linked.length > 0 ? linked : (place.layers[here.layer + (isRight ? 1 : -1)] ?? []);
  let best: string | null = null;
  let least = Infinity;
  for (const other of beside) {
    const there = place.nodes.get(other);
    const distance = there ? Math.abs(there.y - here.y) : Infinity;
    if (distance < least) [best, least] = [other, distance];
  }
  return best;
}
