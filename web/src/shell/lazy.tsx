// Parts that are loaded when they are first shown. Smaller than a Suspense: a part is there, on its way, or could not be read.
import { signal } from "@preact/signals";
import type { ComponentChildren, ComponentType } from "preact";
import { Problem } from "../parts/Problem";

export function lazy(load: () => Promise<ComponentType>): ComponentType {
  const part = signal<ComponentType | null>(null);
  const failed = signal(false);
  let isAsked = false;
  const ask = (): void => {
    isAsked = true;
    failed.value = false;
    load().then(
      (found) => (part.value = found),
      () => {
        isAsked = false;
        failed.value = true;
      },
    );
  };
  return function Lazy() {
    if (!isAsked && !failed.value) ask();
    const Part = part.value;
    if (failed.value) return <div class="page-problem"><Problem refusal={{ message: "This part of the page could not be read from the daemon." }} retry={ask} /></div>;
    return Part === null ? <div class="page-wait" aria-busy="true" /> : <Part />;
  };
}

export function Suspense(props: { children: ComponentChildren }) {
  return <>{props.children}</>;
}
