import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { asRefusal, post } from "../api";
import { Assignee } from "../parts/Assignee";
import { duration, exactTime, moment } from "../text";
import { now } from "../state/clock";
import type { Card, Task } from "../wire";
import { Editable } from "./Editable";
import { fromLocal, labelChange, numberOf, parseLength, textOf, toLocal, words } from "./facts";
import { assignees, loadAssignees } from "../state/assignees";

interface Props {
  card: Card;
  task: Task;
  schedule: string | null;
  onSaved: () => void;
}

/** The facts of a task, each editable in its place. */
export function Facts({ card, task, schedule, onSaved }: Props) {
  const names = assignees.value.map((one) => one.name);
  const isMore = useSignal(hasMore(task));
  useEffect(() => {
    void loadAssignees();
  }, [card.board]);

  const shared = { task, onSaved };
  const labels = Array.isArray(task["labels"]) ? (task["labels"] as string[]) : card.labels;
  const line = (label: string, name: string, placeholder: string, extra: { suggestions?: string[] } = {}) => (
    <Fact label={label}>
      <Editable {...shared} {...extra} label={label} text={textOf(task, name)} placeholder={placeholder} fields={(text) => ({ [name]: text.trim() })}>
        {textOf(task, name) === "" ? <None /> : textOf(task, name)}
      </Editable>
    </Fact>
  );
  const list = (label: string, name: string, placeholder: string) => (
    <Fact label={label}>
      <Editable {...shared} label={label} text={textOf(task, name)} placeholder={placeholder} fields={(text) => ({ [name]: words(text) })}>
        {textOf(task, name) === "" ? <None /> : textOf(task, name)}
      </Editable>
    </Fact>
  );
  return (
    <section class="facts" aria-label="Facts">
      <dl>
        <Fact label="Assignee">
          <Editable
            {...shared}
            label="Assignee"
            text={textOf(task, "assignee")}
            suggestions={names}
            placeholder="nobody"
            fields={(text) => ({ assignee: text.trim() === "" ? null : text.trim() })}
            // An edit cannot clear the assignee and refuses a running task; the verbs for both can.
            {...(card.status === "running" || textOf(task, "assignee") !== "" ? { write: (text: string) => assign(card, text.trim()) } : {})}
          >
            {textOf(task, "assignee") === "" ? <None word="nobody" /> : <Assignee name={textOf(task, "assignee")} />}
          </Editable>
        </Fact>
        <Fact label="Priority">
          <Editable {...shared} kind="number" label="Priority" text={String(card.priority)} fields={(text) => (/^-?\d+$/.test(text.trim()) ? { priority: Number(text) } : "A whole number, such as 2; higher starts first.")}>
            {card.priority === 0 ? "normal" : `P${card.priority}`}
          </Editable>
        </Fact>
        <Fact label="Labels">
          <Editable {...shared} label="Labels" text={labels.join(", ")} placeholder="a, b" fields={(text) => labelChange(labels, words(text))}>
            {labels.length === 0 ? <None /> : labels.map((label) => <span key={label} class="chip">{label}</span>)}
          </Editable>
        </Fact>
        <Fact label="Reviewer">
          <Editable {...shared} label="Reviewer" text={textOf(task, "reviewer")} suggestions={["human", "none", ...names]} placeholder="human, a profile, or none" fields={(text) => ({ review: text.trim() === "" ? "none" : text.trim() })}>
            {textOf(task, "reviewer") === "" ? <None /> : textOf(task, "reviewer") === "human" ? "a person" : textOf(task, "reviewer")}
          </Editable>
        </Fact>
        <TimeFact {...shared} label="Due" name="due_at" />
        <TimeFact {...shared} label="Starts" name="start_at" />
        {line("Tenant", "tenant", "none")}
        <Fact label="Workspace">
          <span class="fact-text">{textOf(task, "workspace_kind") || "scratch"}{textOf(task, "workspace_path") !== "" && textOf(task, "workspace_kind") !== "scratch" && <> · <span class="mono">{textOf(task, "workspace_path")}</span></>}</span>
        </Fact>
        {textOf(task, "branch_name") !== "" && <Fact label="Branch"><span class="mono fact-text">{textOf(task, "branch_name")}</span></Fact>}
        <Fact label="Created">
          <span class="fact-text" title={exactTime(card.created_at)}>{moment(card.created_at, now.value)}{textOf(task, "created_by") !== "" && ` by ${textOf(task, "created_by")}`}{schedule && `, by the schedule ${schedule}`}</span>
        </Fact>
        {isMore.value && (
          <>
            {line("Model", "model", "as the profile says")}
            {line("Effort", "effort", "as the profile says")}
            {list("Arguments", "args", "none")}
            {list("Skills", "skills", "as the profile says")}
            <Fact label="Time limit">
              <Editable
                {...shared}
                label="Time limit"
                text={limitText(task)}
                placeholder="such as 90 m; empty: the default"
                fields={(text) => {
                  if (text.trim() === "") return { max_runtime_seconds: 0 };
                  const seconds = parseLength(text);
                  return seconds === null ? "A length, such as 90 m or 2 h." : { max_runtime_seconds: seconds };
                }}
              >
                {limitText(task) || (task["no_max_runtime"] === true ? "none" : "the default")}
              </Editable>
            </Fact>
          </>
        )}
      </dl>
      {!isMore.value && <button type="button" class="textlink" onClick={() => (isMore.value = true)}>More: model, effort, skills, time limit</button>}
    </section>
  );
}

function hasMore(task: Task): boolean {
  return ["model", "effort", "args", "skills", "max_runtime_seconds"].some((name) => textOf(task, name) !== "");
}

function limitText(task: Task): string {
  const seconds = numberOf(task, "max_runtime_seconds");
  return seconds === null ? "" : duration(seconds);
}

async function assign(card: Card, name: string) {
  const verb = card.status === "running" ? "reassign" : "assign";
  try {
    await post(`/v1/tasks/${encodeURIComponent(card.id)}/${verb}`, { assignee: name === "" ? null : name });
    return null;
  } catch (error) {
    return asRefusal(error);
  }
}

function Fact({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <div class="fact" data-fact={label.toLowerCase()}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function None({ word = "none" }: { word?: string }) {
  return <span class="muted">{word}</span>;
}

function TimeFact({ task, onSaved, label, name }: { task: Task; onSaved: () => void; label: string; name: string }) {
  const at = numberOf(task, name);
  const isPast = name === "due_at" && at !== null && at < now.value && !["done", "archived"].includes(textOf(task, "status"));
  return (
    <Fact label={label}>
      <Editable
        task={task}
        onSaved={onSaved}
        kind="time"
        label={label}
        text={toLocal(at)}
        fields={(text) => {
          const seconds = fromLocal(text);
          return seconds === null ? "A date and a time." : { [name]: seconds };
        }}
      >
        {at === null ? <None word={name === "start_at" && task["parked"] === true ? "parked" : "none"} /> : <span class={isPast ? "is-late" : ""} title={exactTime(at)}>{moment(at, now.value)}{isPast && ", overdue"}</span>}
      </Editable>
    </Fact>
  );
}
