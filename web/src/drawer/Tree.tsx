import type { ComponentChildren } from "preact";

/** Any JSON value, as keys and values. Deep parts are folded. */
export function Tree({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (value === null || typeof value !== "object") return <Leaf value={value} />;
  const entries = Array.isArray(value) ? value.map((item, index) => [String(index), item] as const) : Object.entries(value);
  if (entries.length === 0) return <span class="tree-word">{Array.isArray(value) ? "empty list" : "empty"}</span>;
  return (
    <dl class="tree">
      {entries.slice(0, ENTRIES_MAX).map(([name, item]) => (
        <div key={name} class="tree-row">
          <dt>{name}</dt>
          <dd>{isNested(item) && depth >= 1 ? <Folded value={item}><Tree value={item} depth={depth + 1} /></Folded> : <Tree value={item} depth={depth + 1} />}</dd>
        </div>
      ))}
      {entries.length > ENTRIES_MAX && <div class="tree-row tree-word">and {entries.length - ENTRIES_MAX} more</div>}
    </dl>
  );
}

const ENTRIES_MAX = 200;

function isNested(value: unknown): value is object {
  return value !== null && typeof value === "object" && Object.keys(value).length > 0;
}

function Folded({ value, children }: { value: object; children: ComponentChildren }) {
  const count = Object.keys(value).length;
  return (
    <details>
      <summary>{Array.isArray(value) ? `${count} in a list` : `${count} ${count === 1 ? "field" : "fields"}`}</summary>
      {children}
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === "string") return <span class="tree-text">{value}</span>;
  return <span class="tree-word">{value === null ? "none" : String(value)}</span>;
}
