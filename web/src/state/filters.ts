// Changing the filter, which is a part of the view.
import { go, view } from "./view";

export function clearFilter(): void {
  go({ assignee: [], tenant: [], label: [], text: "" });
}

export function toggleFilter(field: "assignee" | "tenant" | "label", value: string): void {
  const list = view.peek()[field];
  go({ [field]: list.includes(value) ? list.filter((each) => each !== value) : [...list, value] });
}
