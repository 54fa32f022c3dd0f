import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { patch, post } from "../api";
import { ask, confirm, toast, type Field, type Values } from "../dialog";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { TaskChip } from "../parts/TaskChip";
import { now } from "../state/clock";
import { showRefusal } from "../state/moves";
import { canWrite, whyNot } from "../state/status";
import { openTask, view } from "../state/view";
import { exactTime, moment, plural } from "../text";
import { useRead } from "./read";
import { changeOf, creationOf, type Schedule } from "./scheduleFields";
import "./pages.css";

/** What makes tasks by itself: when next, what, and whether it works. */
export function Schedules() {
  const board = view.value.board;
  const { value, problem, again } = useRead<Schedule[]>("/v1/schedules", { board });
  const list = value.value;
  const next = Math.min(...(list ?? []).flatMap((one) => one.next_at ?? []));
  const isPast = Number.isFinite(next) && now.value > next + 2;
  // An occurrence has come: its task and the next time are read.
  useEffect(() => {
    if (isPast) again();
  }, [isPast]);
  return (
    <section class="page" aria-labelledby="schedules-title">
      <header class="page-head">
        <h1 id="schedules-title">Schedules</h1>
        <button type="button" class="button main" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => void add(board, again)}>+ New schedule</button>
      </header>
      {problem.value && <Problem refusal={problem.value} retry={again} />}
      {!list && !problem.value && <p class="empty-line" aria-busy="true">Loading…</p>}
      {list?.length === 0 && <Empty text="No schedule on this board. A schedule makes a task at its times, such as a backup every night." />}
      <ul class="rows" role="list">
        {list?.map((schedule) => <Line key={schedule.name} schedule={schedule} onChanged={again} />)}
      </ul>
    </section>
  );
}

interface Details { next: { at: number }[]; occurrences: { at: number; status: string; task_id: string }[] }

function Line({ schedule, onChanged }: { schedule: Schedule; onChanged: () => void }) {
  const isOpen = useSignal(false);
  const path = `/v1/schedules/${encodeURIComponent(schedule.name)}`;
  const details = useRead<Details>(isOpen.value ? path : null, { board: schedule.board });
  const { state } = schedule;
  const fails = schedule.refused_in_a_row > 0;
  const act = async (verb: string, words: string, body: Record<string, unknown> = {}) => {
    try {
      const { value } = await post<{ id?: unknown; warnings?: string[] }>(`${path}/${verb}`, { board: schedule.board, ...body });
      const [warning] = value?.warnings ?? [];
      toast(warning ? `${words} ${warning}` : words);
      if (verb === "run" && typeof value?.id === "string") openTask(value.id);
      onChanged();
    } catch (error) {
      showRefusal(error);
    }
  };
  return (
    <li class="line">
      <div class="line-head">
        <h2>{schedule.name}</h2>
        <span class={`tone ${fails ? "is-bad" : state === "active" ? "is-good" : "is-rest"}`}>{fails ? "refused" : state}</span>
        <div class="line-actions">
          {state === "paused"
            ? <Act label="Resume" onClick={() => act("resume", `${schedule.name} goes on.`)} />
            : state === "active" && <Act label="Pause" onClick={() => pause(schedule, act)} />}
          <Act label="Make the task now" onClick={() => act("run", `Made the task of ${schedule.name}.`)} />
          <Act label="Edit" onClick={() => edit(schedule, onChanged)} />
          <Act label="Remove" onClick={() => remove(schedule, act)} />
        </div>
      </div>
      <p class="line-facts">
        <span>{schedule.next_at ? <>next <b title={exactTime(schedule.next_at)}>{moment(schedule.next_at, now.value)}</b></> : state === "over" ? "over" : "no next time"}</span>
        <span><b class="mono">{schedule.cron}</b> {schedule.zone}</span>
        <span>makes <b>{String(schedule.task["title"] ?? "")}</b>{schedule.task["assignee"] ? ` for ${String(schedule.task["assignee"])}` : ""}</span>
        <span>{plural(schedule.made, "task")} made{schedule.skipped > 0 && `, ${schedule.skipped} skipped`}</span>
      </p>
      {schedule.paused_why && <p class="muted">Paused: {schedule.paused_why}</p>}
      {fails && <p class="line-problem">Its task was refused {schedule.refused_in_a_row === 1 ? "once" : `${schedule.refused_in_a_row} times in a row`}: {schedule.last_error ?? "no reason recorded"}</p>}
      <details class="run-part" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
        <summary>Occurrences</summary>
        {details.problem.value && <Problem refusal={details.problem.value} retry={details.again} />}
        {details.value.value && (
          <div class="line-more">
            <div>
              <h3>{state === "active" ? "Next" : "Next, if it were active"}</h3>
              <ul>{details.value.value.next.map(({ at }) => <li key={at} title={exactTime(at)}>{moment(at, now.value)}</li>)}</ul>
            </div>
            <div>
              <h3>Last tasks</h3>
              {details.value.value.occurrences.length === 0 && <p class="muted">None yet.</p>}
              <ul>{details.value.value.occurrences.map((one) => <li key={one.task_id}><TaskChip task={{ id: one.task_id, title: `${moment(one.at, now.value)} · ${one.task_id}`, status: one.status }} /></li>)}</ul>
            </div>
            <div>
              <h3>Rules</h3>
              <ul>
                <li>While the task before is not over: {schedule.overlap}</li>
                <li>Missed times that are made: {schedule.catch_up}</li>
                {schedule.count !== null && <li>At most {plural(schedule.count, "task")}</li>}
                {schedule.until_at !== null && <li>Until {moment(schedule.until_at, now.value)}</li>}
                <li>Made by {schedule.created_by}</li>
              </ul>
            </div>
          </div>
        )}
      </details>
    </li>
  );
}

function Act({ label, onClick }: { label: string; onClick: () => void }) {
  return <button type="button" class="button quiet small" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={onClick}>{label}</button>;
}

type ActWith = (verb: string, words: string, body?: Record<string, unknown>) => Promise<void>;

async function pause(schedule: Schedule, act: ActWith): Promise<void> {
  const values = await ask([{ name: "reason", kind: "line", label: "Reason", hint: "Shown with the schedule." }], { title: `Pause ${schedule.name}`, action: "Pause" });
  if (values) await act("pause", `${schedule.name} is paused.`, values["reason"] ? { reason: values["reason"] } : {});
}

async function remove(schedule: Schedule, act: ActWith): Promise<void> {
  if (await confirm({ title: `Remove ${schedule.name}?`, action: "Remove", text: "Its tasks stay.", isDanger: true })) await act("remove", `${schedule.name} is removed.`);
}

function fields(schedule: Schedule | null): Field[] {
  const task = schedule?.task ?? {};
  const choice = (values: [string, string][]) => values.map(([value, label]) => ({ value, label }));
  return [
    ...(schedule ? [] : [{ name: "name", kind: "line", label: "Name", isRequired: true, hint: "Letters, digits, -, _ and ." }]),
    { name: "cron", kind: "line", label: "When", isRequired: true, value: schedule?.cron ?? "", hint: "minute hour day month weekday, such as 0 3 * * * for 3:00 every day; or @hourly, @daily, @weekly" },
    { name: "zone", kind: "line", label: "Time zone", value: schedule?.zone ?? "", hint: "Such as Europe/Berlin; empty: the daemon's" },
    { name: "title", kind: "line", label: "Title of each task", isRequired: true, value: String(task["title"] ?? ""), hint: "{date}, {time} and {n} are filled in" },
    { name: "body", kind: "text", label: "Description", value: String(task["body"] ?? "") },
    { name: "assignee", kind: "profile", label: "Assignee", value: (task["assignee"] as string | undefined) ?? null },
    { name: "overlap", kind: "choice", label: "While the task before is not over", value: schedule?.overlap ?? "skip", choices: choice([["skip", "make none"], ["queue", "make one that waits for it"], ["replace", "cancel it"]]) },
    { name: "catch_up", kind: "choice", label: "Times that were missed", value: schedule?.catch_up ?? "one", choices: choice([["one", "make the newest"], ["none", "make none"], ["all", "make all, at most 100"]]) },
  ];
}

async function add(board: string, onChanged: () => void): Promise<void> {
  const submit = async (values: Values): Promise<void> => {
    const { value } = await post<{ name: string; warnings: string[] }>("/v1/schedules", { board, ...creationOf(values) });
    toast(`${value.name} is added.${value.warnings?.[0] ? ` ${value.warnings[0]}` : ""}`);
  };
  if (await ask(fields(null), { title: "New schedule", action: "Add", submit })) onChanged();
}

async function edit(schedule: Schedule, onChanged: () => void): Promise<void> {
  const submit = async (values: Values): Promise<void> => {
    const { value } = await patch<{ warnings: string[] }>(`/v1/schedules/${encodeURIComponent(schedule.name)}`, { board: schedule.board, ...changeOf(values, schedule) });
    toast(`${schedule.name} is changed.${value.warnings?.[0] ? ` ${value.warnings[0]}` : ""}`);
  };
  if (await ask(fields(schedule), { title: `Edit ${schedule.name}`, action: "Save", submit })) onChanged();
}
