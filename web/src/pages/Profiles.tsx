import { useEffect } from "preact/hooks";

import { post } from "../api";
import { toast } from "../dialog";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { facts } from "../state/board";
import { now } from "../state/clock";
import { showRefusal } from "../state/moves";
import { canWrite, whyNot } from "../state/status";
import { go, view } from "../state/view";
import { moment, plural } from "../text";
import { useRead } from "./read";
import "./pages.css";

interface Profile {
  name: string;
  launcher: string;
  argv: string[];
  program: string | null;
  problem: string | null;
  max_running: number | null;
  user: string | null;
  review: string | null;
  takes: string[];
  not_enforced: string[];
  working_directory: string | null;
  verdict: string;
}
interface Breaker { key: string; scope: string; state: string; failures: number; last_error: string | null; opened_at: number | null; until: number | null }
interface Assignee { name: string; counts: Record<string, number> }

/** Who works here: what each profile would run, what it lacks, whether it may start, and how many slots are taken. */
export function Profiles() {
  const board = view.value.board;
  const profiles = useRead<Profile[]>("/v1/profiles");
  const breakers = useRead<Breaker[]>("/v1/breakers", { board });
  const assignees = useRead<Assignee[]>("/v1/assignees", { board });
  const known = facts.value;
  const isChanged = `${known?.changes}:${known?.open_runs}`;
  useEffect(() => {
    if (profiles.value.peek() === null) return;
    breakers.again();
    assignees.again();
  }, [isChanged]);

  const list = profiles.value.value;
  const all = breakers.value.value ?? [];
  const names = new Set((list ?? []).map((one) => `profile:${one.name}`));
  const others = all.filter((one) => !names.has(one.key) && one.state !== "closed");
  const countsOf = (name: string) => assignees.value.value?.find((one) => one.name === name)?.counts ?? {};
  return (
    <section class="page" aria-labelledby="profiles-title">
      <header class="page-head"><h1 id="profiles-title">Profiles</h1></header>
      {known && <Slots used={known.open_runs} most={known.max_running} dispatch={known.dispatch} />}
      {others.length > 0 && (
        <ul class="rows" role="list" aria-label="Open breakers">
          {others.map((one) => <li key={one.key} class="line"><BreakerLine breaker={one} onReset={breakers.again} /></li>)}
        </ul>
      )}
      {profiles.problem.value && <Problem refusal={profiles.problem.value} retry={profiles.again} />}
      {breakers.problem.value && <Problem refusal={breakers.problem.value} retry={breakers.again} />}
      {!list && !profiles.problem.value && <p class="empty-line" aria-busy="true">Loading…</p>}
      {list?.length === 0 && <Empty text="No profile is configured. A profile says which agent works on the tasks assigned to it; the empty board shows the lines to copy." />}
      <ul class="rows" role="list" aria-label="Profiles">
        {list?.map((profile) => (
          <ProfileLine key={profile.name} profile={profile} counts={countsOf(profile.name)} breaker={all.find((one) => one.key === `profile:${profile.name}`) ?? null} onReset={breakers.again} />
        ))}
      </ul>
    </section>
  );
}

/** More slots than this are a number, not a row of marks. */
const MARKS_MAX = 32;

function Slots({ used, most, dispatch }: { used: number; most: number; dispatch: string }) {
  return (
    <div class="slots">
      <div class="line-head">
        <span><b>{used}</b> of <b>{most}</b> slots in use</span>
        <span class={`tone ${dispatch === "on" ? "is-good" : "is-rest"}`}>dispatch {dispatch}</span>
      </div>
      {most <= MARKS_MAX && <div class="slots-bar" aria-hidden="true">{Array.from({ length: most }, (_, index) => <i key={index} class={index < used ? "is-used" : ""} />)}</div>}
    </div>
  );
}

interface LineProps { profile: Profile; counts: Record<string, number>; breaker: Breaker | null; onReset: () => void }

function ProfileLine({ profile, counts, breaker, onReset }: LineProps) {
  const isOpen = breaker !== null && breaker.state !== "closed";
  const running = counts["running"] ?? 0;
  const word = profile.problem ? "cannot start" : isOpen ? "breaker open" : "ready to work";
  return (
    <li class="line">
      <div class="line-head">
        <h2>{profile.name}</h2>
        <span class={`tone ${profile.problem || isOpen ? "is-bad" : "is-good"}`}>{word}</span>
        <div class="line-actions">
          <button type="button" class="button quiet small" onClick={() => go({ view: "board", assignee: [profile.name], task: null })}>Its tasks</button>
        </div>
      </div>
      <p class="line-facts">
        <span><b>{running}</b>{profile.max_running === null ? " running" : ` of ${profile.max_running} running`}</span>
        <span><b>{counts["ready"] ?? 0}</b> ready</span>
        <span>launcher <b>{profile.launcher}</b></span>
        {profile.user && <span>as user <b>{profile.user}</b></span>}
        {profile.review && <span>reviewed by <b>{profile.review === "human" ? "a person" : profile.review}</b></span>}
        {profile.takes.length > 0 && <span>takes <b>{profile.takes.join(", ")}</b></span>}
      </p>
      {profile.problem && <p class="line-problem">{profile.problem}</p>}
      <p class="line-command" aria-label="What it runs">{profile.argv.map(quoted).join(" ")}</p>
      {profile.program && <p class="muted meta">{profile.program}{profile.working_directory && `, in ${profile.working_directory}`}</p>}
      {profile.not_enforced.length > 0 && <p class="muted meta">Not enforced on this host: {profile.not_enforced.join(", ")}</p>}
      {breaker && (isOpen || breaker.failures > 0) && <BreakerLine breaker={breaker} onReset={onReset} />}
    </li>
  );
}

/** An argument as a shell would want it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

function BreakerLine({ breaker, onReset }: { breaker: Breaker; onReset: () => void }) {
  const isOpen = breaker.state !== "closed";
  const reset = async () => {
    try {
      await post("/v1/breakers/reset", { key: breaker.key });
      toast(`The breaker ${breaker.key} is closed.`);
      onReset();
    } catch (error) {
      showRefusal(error);
    }
  };
  return (
    <div class={isOpen ? "line-problem" : "line-facts"}>
      <div class="line-head">
        <span>
          {isOpen ? <strong>Breaker {breaker.key} is {breaker.state.replace("_", " ")}</strong> : "Recent failures"}
          {": "}{plural(breaker.failures, "failure")} in a row{breaker.last_error && `, the last: ${breaker.last_error}`}
          {isOpen && breaker.until !== null && `; it tries again ${moment(breaker.until, now.value)}`}
        </span>
        <div class="line-actions">
          <button type="button" class="button small" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => void reset()}>Reset</button>
        </div>
      </div>
    </div>
  );
}
