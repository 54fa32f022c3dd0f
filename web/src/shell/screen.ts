import { signal } from "@preact/signals";

const narrow = matchMedia("(max-width: 640px)");
/** One column a screen, a bar at the bottom. */
export const isPhone = signal(narrow.matches);
narrow.addEventListener("change", () => (isPhone.value = narrow.matches));

const tight = matchMedia("(max-width: 860px)");
/** No room for each filter in the toolbar, as on a small window or at 200 % zoom. */
export const isTight = signal(tight.matches);
tight.addEventListener("change", () => (isTight.value = tight.matches));
