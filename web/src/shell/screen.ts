import { signal } from "@preact/signals";

const narrow = matchMedia("(max-width: 640px)");
/** One column a screen, a bar at the bottom. */
export const isPhone = signal(narrow.matches);
narrow.addEventListener("change", () => (isPhone.value = narrow.matches));
