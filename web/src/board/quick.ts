import { signal } from "@preact/signals";
import type { Status } from "../wire";

/** The column whose one-line form is open. */
export const quickColumn = signal<Status | null>(null);
