// A board with nothing on it: who would work here, what each would run, and the lines that make more.
import { useEffect, useState } from "preact/hooks";
import { asRefusal, get, type Refusal } from "../api";
import { Assignee, Problem } from "../parts";
import { assignees, loadAssignees } from "../state/assignees";
import { boardName } from "../state/board";
import { canWrite, whyNot } from "../state/status";
import { openComposer } from "../composer/state";
import { copyText } from "../shell/copy";
import { go } from "../state/view";
import { quickStart, type ProfileRow } from "./firstUse";

export function FirstUse() {
  const [profiles, setProfiles] = useState<ProfileRow[] | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const read = (): void => {
    setRefusal(null);
    get<ProfileRow[]>("/v1/profiles").then(setProfiles, (error) => setRefusal(asRefusal(error)));
    void loadAssignees();
  };
  useEffect(read, []);
  return (
    <div class="first-use">
      <section class="first-card">
        <h2>Nothing here yet</h2>
        <p class="muted">A task is one line of what to do, and the name of who does it. Once it is ready, its agent is started, and this page shows what it does.</p>
        <div class="row wrap">
          <button type="button" class="button main" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => openComposer()}>New task</button>
          <button type="button" class="button" onClick={() => go({ view: "profiles" })}>Profiles</button>
          <button type="button" class="button" onClick={() => go({ view: "schedules" })}>Schedules</button>
        </div>
        <h3>Or from a terminal</h3>
        {quickStart(boardName.value, profiles?.find((each) => each.problem === null)?.name ?? null).map((line) => <CopyLine key={line} text={line} />)}
      </section>
      <section class="first-card">
        <h2>Who can work here</h2>
        {refusal !== null && <Problem refusal={refusal} retry={read} />}
        {profiles === null && refusal === null && <div class="ghost-lines" aria-busy="true" />}
        {profiles?.length === 0 && <NoProfiles />}
        <ul class="quiet-list first-profiles" role="list">
          {(profiles ?? []).map((profile) => (
            <li key={profile.name} class="first-profile">
              <div class="row">
                <Assignee name={profile.name} />
                <span class="spread" />
                {profile.problem === null ? <span class="chip outlined">can start</span> : <span class="chip bad">cannot start</span>}
              </div>
              <code class="clip" title={profile.argv.join(" ")}>{profile.argv.join(" ")}</code>
              {profile.problem !== null && (
                <>
                  <p class="fault">{profile.problem}</p>
                  <CopyLine text={`kanban profiles check ${profile.name}`} />
                </>
              )}
              {profile.problem === null && (
                <button type="button" class="button small" disabled={!canWrite.value} title={whyNot.value ?? ""} onClick={() => openComposer({ assignee: profile.name })}>New task for {profile.name}</button>
              )}
            </li>
          ))}
          {assignees.value.filter((each) => each.kind === "person").map((person) => (
            <li key={person.name} class="first-profile">
              <Assignee name={person.name} />
              <p class="meta">A person: nothing is started; the task waits for them.</p>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function NoProfiles() {
  const lines = "[profiles.coder]\nlauncher = \"claude\"";
  return (
    <>
      <p>No profile is configured: nothing would be started. A profile is a name for a program and how to call it. Add one to the configuration, then reload:</p>
      <pre><code>{lines}</code></pre>
      <div class="row wrap">
        <button type="button" class="button small" onClick={() => copyText(lines)}>Copy the lines</button>
      </div>
      <CopyLine text="kanban reload" />
      <CopyLine text="kanban profiles check coder" />
    </>
  );
}

function CopyLine({ text }: { text: string }) {
  return (
    <div class="copy-line">
      <code class="clip" title={text}>{text}</code>
      <button type="button" class="button small" aria-label={`Copy: ${text}`} onClick={() => copyText(text)}>Copy</button>
    </div>
  );
}
