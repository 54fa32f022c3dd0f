import { signal } from "@preact/signals";
import type { Status } from "../wire";

export interface Preset {
  /** The column the form was opened from. */
  column?: Status;
  title?: string;
  parents?: readonly { id: string; title: string; status: Status }[];
  assignee?: string | null;
}

export const composer = signal<Preset | null>(null);

export function openComposer(preset: Preset = {}): void {
  composer.value = preset;
}
