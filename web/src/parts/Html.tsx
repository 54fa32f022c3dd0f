// The one place where text becomes HTML. Only what the daemon has rendered comes here: a closed set of tags, no scripts, no images.
interface Policy { createHTML: (text: string) => string }
interface Factory { createPolicy: (name: string, rules: Policy) => { createHTML: (text: string) => unknown } }

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy("kanband", { createHTML: (text) => text }) ?? { createHTML: (text: string): unknown => text };

/** `html` must be a reply's `body_html`, `html` or `summary_html`. */
export function Html(props: { html: string; class?: string }) {
  return <div class={`html ${props.class ?? ""}`} dangerouslySetInnerHTML={{ __html: policy.createHTML(props.html) as string }} />;
}
