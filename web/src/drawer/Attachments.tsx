import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { asRefusal, getBlob, post, upload, type Refusal } from "../api";
import { announce, confirm } from "../dialog";
import { Problem } from "../parts/Problem";
import { bytes, moment } from "../text";
import { now } from "../state/clock";
import type { Attachment, TaskView } from "../wire";
import { imageType } from "./image";

export interface Uploads {
  busy: Signal<string[]>;
  problem: Signal<Refusal | null>;
  add: (files: Iterable<File>) => void;
}

/** The most that the daemon takes of one file. */
const FILE_MAX_BYTES = 25 * 1024 * 1024;
const PREVIEW_MAX_BYTES = 10 * 1024 * 1024;

/** Uploads to a task, one after the other; `onDone` after each. */
export function useUploads(task: string, onDone: () => void): Uploads {
  const busy = useSignal<string[]>([]);
  const problem = useSignal<Refusal | null>(null);
  const line = useRef<Promise<void>>(Promise.resolve());
  const add = (files: Iterable<File>) => {
    for (const file of files) {
      busy.value = [...busy.value, file.name];
      line.current = line.current.then(async () => {
        try {
          await upload(`/v1/tasks/${encodeURIComponent(task)}/attach`, file);
          announce(`${file.name} attached.`);
          onDone();
        } catch (error) {
          problem.value = asRefusal(error);
        } finally {
          const at = busy.value.indexOf(file.name);
          busy.value = busy.value.filter((_, index) => index !== at);
        }
      });
    }
  };
  return { busy, problem, add };
}

/** Name and size of an attachment; the fields have been called by two names. */
export function nameOf(attachment: Attachment): string {
  return attachment.name ?? String(attachment["filename"] ?? "");
}
export function sizeOf(attachment: Attachment): number {
  return attachment.bytes ?? Number(attachment["size_bytes"] ?? 0);
}

interface Props {
  task: string;
  view: TaskView;
  uploads: Uploads;
  onChanged: () => void;
}

export function Attachments({ task, view, uploads, onChanged }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const { attachments, artifacts } = view;
  return (
    <section class="attachments" aria-label="Files">
      <div class="section-head">
        <h3>Files</h3>
        <button type="button" class="button quiet small" onClick={() => input.current?.click()}>+ Attach</button>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-label="Attach files"
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = "";
            uploads.add(files);
          }}
        />
      </div>
      {attachments.length === 0 && uploads.busy.value.length === 0 && <p class="muted">Drop files here, or paste them: up to {bytes(FILE_MAX_BYTES)} each.</p>}
      <ul class="files">
        {attachments.map((attachment) => <FileRow key={attachment.id} task={task} attachment={attachment} onChanged={onChanged} />)}
        {uploads.busy.value.map((name, index) => (
          <li key={`busy:${index}:${name}`} class="file" aria-busy="true">
            <span class="file-name">{name}</span>
            <span class="muted">uploading…</span>
          </li>
        ))}
      </ul>
      {uploads.problem.value && <Problem refusal={uploads.problem.value} />}
      {artifacts.length > 0 && (
        <>
          <h3>Artifacts</h3>
          <ul class="files">
            {artifacts.map((artifact) => (
              <li key={artifact.path} class="file">
                <span class="file-name mono" title={artifact.path}>{artifact.name ?? artifact.path}</span>
                {artifact.name && artifact.name !== artifact.path && <span class="muted mono file-path">{artifact.path}</span>}
                <button type="button" class="button quiet small" onClick={() => void navigator.clipboard.writeText(artifact.path).then(() => announce("Path copied."))}>Copy the path</button>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function FileRow({ task, attachment, onChanged }: { task: string; attachment: Attachment; onChanged: () => void }) {
  const problem = useSignal<Refusal | null>(null);
  const picture = useSignal<string | null>(null);
  const isNoPicture = useSignal(false);
  const name = nameOf(attachment);
  const size = sizeOf(attachment);
  const path = `/v1/tasks/${encodeURIComponent(task)}/attachment`;
  const mayBePicture = /\.(png|jpe?g|webp|gif)$/i.test(name) && size <= PREVIEW_MAX_BYTES && !isNoPicture.value;
  const created = Number(attachment["created_at"] ?? 0);

  useEffect(() => () => {
    if (picture.peek()) URL.revokeObjectURL(picture.peek() as string);
  }, []);

  async function preview() {
    if (picture.value) {
      URL.revokeObjectURL(picture.value);
      picture.value = null;
      return;
    }
    try {
      const content = await getBlob(path, { filename: name });
      const type = imageType(new Uint8Array(await content.slice(0, 16).arrayBuffer()));
      // Only what its first bytes say; a name proves nothing.
      if (type) picture.value = URL.createObjectURL(new Blob([content], { type }));
      else isNoPicture.value = true;
    } catch (error) {
      problem.value = asRefusal(error);
    }
  }

  async function remove() {
    const isSure = await confirm({ title: `Remove ${name}?`, action: "Remove", text: "The file is deleted. Its removal stays in the timeline.", isDanger: true });
    if (!isSure) return;
    try {
      await post(`/v1/tasks/${encodeURIComponent(task)}/detach`, { filename: name });
      announce(`${name} removed.`);
      onChanged();
    } catch (error) {
      problem.value = asRefusal(error);
    }
  }

  return (
    <li class="file">
      <a class="file-name" href={`${path}?filename=${encodeURIComponent(name)}`} download={name} title={`Download ${name}`}>{name}</a>
      <span class="muted">{bytes(size)}{created > 0 && ` · ${moment(created, now.value)}`}</span>
      {mayBePicture && <button type="button" class="button quiet small" aria-expanded={picture.value !== null} onClick={() => void preview()}>{picture.value ? "Hide" : "Preview"}</button>}
      <button type="button" class="chip-remove" aria-label={`Remove ${name}`} title="Remove" onClick={() => void remove()}>✕</button>
      {isNoPicture.value && <p class="muted">Not a picture that is shown here.</p>}
      {picture.value && <img class="file-picture" src={picture.value} alt={name} />}
      {problem.value && <Problem refusal={problem.value} />}
    </li>
  );
}
