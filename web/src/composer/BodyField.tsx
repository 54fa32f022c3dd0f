// The body, with a preview that the daemon renders: what one sees is what the drawer will show.
import { useEffect, useRef, useState } from "preact/hooks";
import { asRefusal, isAborted, post, type Refusal } from "../api";
import { Html, Problem } from "../parts";
import type { Rendered } from "../wire";

export function BodyField(props: { value: string; onChange: (value: string) => void }) {
  const [isPreview, setPreview] = useState(false);
  return (
    <div class="field body-field">
      <div class="row">
        <label for="composer-body" class="label">Body <span class="optional">(Markdown: everything the worker needs to know)</span></label>
        <span class="spread" />
        <button type="button" class="button quiet small" aria-pressed={isPreview} disabled={props.value.trim() === ""} onClick={() => setPreview(!isPreview)}>Preview</button>
      </div>
      {isPreview ? <Preview text={props.value} /> : <textarea id="composer-body" name="body" class="input" rows={5} value={props.value} onInput={(event) => props.onChange(event.currentTarget.value)} />}
    </div>
  );
}

function Preview({ text }: { text: string }) {
  const [html, setHtml] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => {
    control.current?.abort();
    const mine = new AbortController();
    control.current = mine;
    post<Rendered>("/v1/render", { text }, { signal: mine.signal }).then(
      (done) => setHtml(done.value.html),
      (error) => {
        if (!isAborted(error)) setRefusal(asRefusal(error));
      },
    );
    return () => mine.abort();
  }, [text]);
  if (refusal !== null) return <Problem refusal={refusal} />;
  return <div class="preview" aria-busy={html === null}>{html !== null && <Html html={html} />}</div>;
}
