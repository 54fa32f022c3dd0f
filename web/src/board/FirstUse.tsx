// A board with nothing on it: who could work here, what each would run, and the lines that make a profile of an agent.
import { useEffect, useState } from "preact/hooks";
import { asRefusal } from "../api";
import { toast } from "../dialog";
import { Assignee, Problem } from "../parts";
import { boardName } from "../state/board";
import { addProfile, firstUse, firstUseProblem, readFirstUse } from "../state/firstUse";
import { canWrite, whyNot } from "../state/status";
import { openComposer } from "../composer/state";
import { copyText } from "../shell/copy";
import { go } from "../state/view";
import type { FirstUse as Found, FoundAgent } from "../wire";
import { missing, offered, quickStart } from "./firstUse";

export function FirstUse() {
  useEffect(() => {
    if (firstUse.peek() === null) void readFirstUse();
  }, []);
  const found = firstUse.value;
  const problem = firstUseProblem.value;
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
        {quickStart(boardName.value, found?.profiles.find((each) => each.problem === null)?.name ?? null).map((line) => <CopyLine key={line} text={line} />)}
      </section>
      <section class="first-card">
        <h2>Who can work here</h2>
        {problem !== null && <Problem refusal={problem} retry={() => void readFirstUse()} />}
        {found === null && problem === null && <div class="ghost-lines" aria-busy="true" />}
        {found !== null && <Workers found={found} />}
        {found !== null && <Agents found={found} />}
      </section>
    </div>
  );
}

function Workers({ found }: { found: Found }) {
  return (
    <>
      {found.profiles.length === 0 && <p>No profile is configured: nothing would be started. A profile is a name for a program and how to call it.</p>}
      <ul class="quiet-list first-profiles" role="list">
        {found.profiles.map((profile) => (
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
        {found.people.map((name) => (
          <li key={name} class="first-profile">
            <Assignee name={name} />
            <p class="meta">A person: nothing is started; the task waits for them.</p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Agents({ found }: { found: Found }) {
  const here = offered(found);
  const absent = missing(found);
  return (
    <>
      {here.length > 0 && <h3>Agents found on this host</h3>}
      <ul class="quiet-list first-profiles" role="list">
        {here.map((agent) => <Agent key={agent.launcher} agent={agent} whyNoButton={found.why_not} />)}
      </ul>
      {here.length > 0 && found.why_not !== null && <p class="meta">{found.why_not}. Copy the lines into the file, then:</p>}
      {here.length > 0 && found.why_not !== null && <CopyLine text="kanban reload" />}
      {absent !== "" && <p class="meta">{absent}</p>}
    </>
  );
}

function Agent({ agent, whyNoButton }: { agent: FoundAgent; whyNoButton: string | null }) {
  const [isBusy, setBusy] = useState(false);
  const add = (): void => {
    setBusy(true);
    addProfile(agent.launcher).then(
      ({ profile, file }) => toast(`Added the profile ${profile}: ${file}`),
      (error) => {
        const refusal = asRefusal(error);
        setBusy(false);
        toast(refusal.hint === null ? refusal.message : `${refusal.message} (${refusal.hint})`, { kind: "refusal" });
      },
    );
  };
  return (
    <li class="first-profile" data-agent={agent.launcher}>
      <div class="row">
        <strong>{agent.launcher}</strong>
        <span class="meta clip" title={agent.program ?? ""}>{agent.program}</span>
        <span class="spread" />
        {whyNoButton === null && (
          <button type="button" class="button small" disabled={isBusy || !canWrite.value} title={whyNot.value ?? ""} onClick={add}>Add the profile {agent.profile}</button>
        )}
      </div>
      <p class="meta">{agent.user === null ? "It would run" : `It would run, as ${agent.user}`}</p>
      <code class="clip" title={agent.argv.join(" ")}>{agent.argv.join(" ")}</code>
      {agent.mcp_entry_files.length > 0 && <p class="meta">It needs the board's tools in {agent.mcp_entry_files.join(" or ")}: see integrations/{agent.launcher}.</p>}
      <p class="meta">Lines for {agent.file}</p>
      <pre><code>{agent.config}</code></pre>
      <button type="button" class="button small" onClick={() => copyText(agent.config)}>Copy the lines for {agent.launcher}</button>
    </li>
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
