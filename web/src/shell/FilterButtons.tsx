import { openMenu } from "../parts/Menu";
import { facets } from "../state/board";
import { clearFilter, toggleFilter } from "../state/filters";
import { hasFilter } from "../state/url";
import { go, view } from "../state/view";
import type { Facet } from "../wire";
import { isPhone, isTight } from "./screen";

type FilterField = "assignee" | "label" | "tenant";

const FIELDS: readonly { field: FilterField; any: string; none: string; facet: (all: typeof facets.value) => Facet[] }[] = [
  { field: "assignee", any: "Anyone", none: "Nobody", facet: (all) => all.assignees },
  { field: "label", any: "Any label", none: "No label", facet: (all) => all.labels },
  { field: "tenant", any: "Any tenant", none: "No tenant", facet: (all) => all.tenants },
];

function words(list: readonly string[], any: string, none: string): string {
  const [first] = list;
  if (first === undefined) return any;
  const name = first === "-" ? none : first;
  return list.length === 1 ? name : `${name} +${list.length - 1}`;
}

export function openFilterMenu(field: FilterField, at: Element): void {
  const row = FIELDS.find((each) => each.field === field);
  if (row === undefined) return;
  const chosen = view.peek()[field];
  const known = row.facet(facets.peek());
  const rest = chosen.filter((name) => !known.some((each) => each.name === name)).map((name) => ({ name, count: 0 }));
  const items = [...known, ...rest].map((each) => ({
    label: each.name === "-" ? row.none : each.name,
    detail: each.count.toLocaleString("en-US"),
    isOn: chosen.includes(each.name),
    run: () => toggleFilter(field, each.name),
  }));
  openMenu({ label: row.any, at, items: [{ label: row.any, isOn: chosen.length === 0, run: () => go({ [field]: [] }) }, ...items] });
}

/** One menu for all filters. */
export function openFiltersMenu(at: Element): void {
  const current = view.peek();
  const hasTenants = facets.peek().tenants.length > 0 || current.tenant.length > 0;
  openMenu({
    label: "Filters",
    at,
    items: [
      ...FIELDS.filter((row) => row.field !== "tenant" || hasTenants).map((row) => ({ label: `${words(current[row.field], row.any, row.none)}…`, run: () => openFilterMenu(row.field, at) })),
      ...(hasFilter(current) ? [{ label: "Clear the filter", isApart: true, run: clearFilter }] : []),
    ],
  });
}

export function FilterButtons() {
  const current = view.value;
  if (isTight.value) {
    const isOn = hasFilter(current);
    if (isPhone.value && !isOn) return null;
    return (
      <button type="button" class="button quiet filter" data-on={isOn} aria-haspopup="menu" onClick={(event) => openFiltersMenu(event.currentTarget)}>
        Filter<span class="caret" aria-hidden="true">▾</span>
      </button>
    );
  }
  return (
    <div class="filters" role="group" aria-label="Filters">
      {FIELDS.filter((row) => row.field !== "tenant" || row.facet(facets.value).length > 0 || current.tenant.length > 0).map((row) => (
        <button key={row.field} type="button" class="button quiet filter" data-on={current[row.field].length > 0} aria-haspopup="menu" title={current[row.field].join(", ")} onClick={(event) => openFilterMenu(row.field, event.currentTarget)}>
          <span class="clip">{words(current[row.field], row.any, row.none)}</span>
          <span class="caret" aria-hidden="true">▾</span>
        </button>
      ))}
      {hasFilter(current) && <button type="button" class="button quiet" onClick={clearFilter}>Clear</button>}
    </div>
  );
}
