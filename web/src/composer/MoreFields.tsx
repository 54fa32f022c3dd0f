import { useEffect } from "preact/hooks";
import { assignees, loadAssignees } from "../state/assignees";
import { facets } from "../state/board";
import type { Draft } from "./draft";

interface MoreProps { draft: Draft; set: (change: Partial<Draft>) => void; fault: (name: string) => string | undefined }

export function MoreFields({ draft, set, fault }: MoreProps) {
  useEffect(() => void loadAssignees(), []);
  const reviewers = assignees.value.filter((each) => each.kind === "profile").map((each) => each.name);
  const hasPath = draft.workspace_kind === "dir" || draft.workspace_kind === "worktree";
  return (
    <div class="composer-grid">
      <Select name="workspace_kind" label="Workspace" value={draft.workspace_kind} onChange={(workspace_kind) => set({ workspace_kind })} choices={[["", "As configured (scratch)"], ["scratch", "scratch: an empty directory"], ["dir", "dir: this directory itself"], ["worktree", "worktree: a branch of this repository"]]} />
      <Line name="workspace_path" label="Path of the workspace" value={draft.workspace_path} isOff={!hasPath} placeholder="/srv/project" fault={fault("workspace_path")} onChange={(workspace_path) => set({ workspace_path })} />
      <Select name="review" label="Review" value={draft.review} onChange={(review) => set({ review })} choices={[["", "As configured"], ["human", "by a person"], ["none", "none"], ...reviewers.map((name): [string, string] => [name, `by ${name}`])]} />
      <Line name="max_runtime" label="Time limit of a run" value={draft.max_runtime} placeholder="as configured; 45m, 2h" fault={fault("max_runtime")} onChange={(max_runtime) => set({ max_runtime })} />
      <Line name="model" label="Model" value={draft.model} placeholder="as configured" onChange={(model) => set({ model })} />
      <Line name="effort" label="Effort" value={draft.effort} placeholder="as configured" onChange={(effort) => set({ effort })} />
      <Line name="skills" label="Skills" value={draft.skills} placeholder="names, separated by spaces" onChange={(skills) => set({ skills })} />
      <Line name="tenant" label="Tenant" value={draft.tenant} placeholder="none" list={facets.value.tenants.map((each) => each.name)} onChange={(tenant) => set({ tenant })} />
      <div class="field">
        <label for="composer-args">Extra arguments for the agent</label>
        <textarea id="composer-args" name="args" class="input" rows={2} placeholder="one a line" value={draft.args} onInput={(event) => set({ args: event.currentTarget.value })} />
      </div>
    </div>
  );
}

function Line(props: { name: string; label: string; value: string; placeholder?: string; isOff?: boolean; fault?: string | undefined; list?: readonly string[]; onChange: (value: string) => void }) {
  const id = `composer-${props.name}`;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input id={id} name={props.name} class="input" type="text" autocomplete="off" placeholder={props.placeholder ?? ""} disabled={props.isOff === true} value={props.value} aria-invalid={props.fault !== undefined} {...(props.list === undefined ? {} : { list: `${id}-known` })} onInput={(event) => props.onChange(event.currentTarget.value)} />
      {props.list !== undefined && <datalist id={`${id}-known`}>{props.list.map((each) => <option value={each} />)}</datalist>}
      {props.fault !== undefined && <p class="fault">{props.fault}</p>}
    </div>
  );
}

function Select(props: { name: string; label: string; value: string; choices: readonly [string, string][]; onChange: (value: string) => void }) {
  const id = `composer-${props.name}`;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select id={id} name={props.name} class="input" value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.choices.map(([value, label]) => <option value={value}>{label}</option>)}
      </select>
    </div>
  );
}
