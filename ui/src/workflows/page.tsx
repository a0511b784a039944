// The page Workflows: registered ones of every voice with their last runs and next time; and one of them.
import { command } from "../core/acts";
import { at, get, type ApiError } from "../core/api";
import { useAnswer } from "../core/answer";
import type { Run, RunList } from "../core/types";
import { many, time } from "../core/words";
import { Copy, Voice } from "../parts/controls";
import { Mark } from "../parts/marks";
import { Empty, Failed, Loading } from "../parts/state";
import { begins, shortly, type Schedule, type Trigger, type Workflow } from "./kinds";
import { Schedules } from "./schedules";
import { SourceView } from "./source";
import { StartForm } from "./start";
import { Triggers } from "./triggers";
import "../style/events.css";
import "../style/workflows.css";

const LAST = 20;

export function WorkflowsPage({ voice, name, tab }: { voice?: string; name?: string; tab?: string }) {
  return voice && name ? <One voice={voice} name={name} tab={tab ?? "source"} /> : <List />;
}

function List() {
  const there = useAnswer((signal) => Promise.all([get<Workflow[]>("/workflows", {}, signal), get<Schedule[]>("/schedules", {}, signal), get<Trigger[]>("/triggers", {}, signal)]), []);
  const [workflows, schedules, triggers] = there.value ?? [[], [], []];
  const recent = useAnswer((signal) => get<RunList>("/runs", { limit: 500 }, signal), [], (changes) => changes.some((each) => each.key === "run.started"));
  const loose = unregistered(recent.value?.runs ?? [], workflows);
  const voices = [...new Set([...workflows, ...loose].map((each) => each.voice))].sort();
  return (
    <div class="sheet">
      <div class="page-head"><h1>Workflows</h1><span class="i2">{there.value && many(workflows.length, "registered workflow")}</span></div>
      {there.error && <Failed what="The workflows could not be read:" error={there.error} again={there.again} />}
      {there.loading && <Loading />}
      {voices.map((voice) => (
        <section key={voice} class="voice-list">
          <h2><Voice name={voice} /></h2>
          {workflows.filter((each) => each.voice === voice).map((each) => (
            <Row key={each.name} workflow={each} schedules={schedules.filter((of) => begins(of, each.name))} triggers={triggers.filter((of) => begins(of, each.name))} />
          ))}
          {there.value && loose.filter((each) => each.voice === voice).map((each) => <Loose key={each.workflow} of={each} />)}
        </section>
      ))}
      {there.value && recent.value && !workflows.length && !loose.length && <Empty>Nothing is registered. <code>motet register flow.py</code> keeps a workflow with its code, so that it can be started here.</Empty>}
    </div>
  );
}

interface Unregistered {
  voice: string;
  workflow: string;
  target: string;
}

/** Workflows that have runs and are not registered: their names, and what would register them. */
export function unregistered(runs: readonly Run[], registered: readonly Workflow[]): Unregistered[] {
  const known = new Set(registered.map((each) => `${each.voice} ${each.workflow}`));
  const found = new Map<string, Unregistered>();
  for (const { workflow, program } of runs) {
    const voice = String(program.voice ?? "");
    const key = `${voice} ${workflow}`;
    const file = String(program.file ?? program.path ?? "");
    if (voice && !program.registered && !known.has(key) && !found.has(key)) found.set(key, { voice, workflow, target: file && typeof program.qualname === "string" ? `${file}:${program.qualname}` : file });
  }
  return [...found.values()].sort((a, b) => (a.workflow < b.workflow ? -1 : 1));
}

function Loose({ of }: { of: Unregistered }) {
  return (
    <div class="workflow">
      <a class="b cut" href={`/runs?q=${encodeURIComponent(`workflow:${of.workflow}`)}`}>{of.workflow}</a>
      <span class="i3">not registered</span>
      <LastRuns workflow={of.workflow} />
      <span class="i2 cut">Registered, it can be started here, by schedules and by events.</span>
      <Copy text={command("motet", "register", of.target || "TARGET")}>Copy register</Copy>
    </div>
  );
}

function Row({ workflow, schedules, triggers }: { workflow: Workflow; schedules: Schedule[]; triggers: Trigger[] }) {
  const next = Math.min(...schedules.flatMap((each) => (each.next_at === null ? [] : [each.next_at])));
  const also = [
    Number.isFinite(next) ? `next ${time(next)}, ${shortly(next)}` : schedules.length ? "schedule paused" : "",
    triggers.length ? many(triggers.length, "trigger") : "",
  ].filter(Boolean).join("; ");
  const here = `/workflows/${encodeURIComponent(workflow.voice)}/${encodeURIComponent(workflow.name)}`;
  return (
    <div class="workflow">
      <a class="b cut" href={here}>{workflow.name}</a>
      <span class="i3">version {workflow.version}</span>
      <LastRuns workflow={workflow.workflow} />
      <span class="i2 cut">{also}</span>
      <a class="button" href={`${here}/start`}>Start…</a>
    </div>
  );
}

/** The last runs as marks, the newest at the right. */
function LastRuns({ workflow }: { workflow: string }) {
  const runs = useAnswer((signal) => get<RunList>("/runs", { workflow, limit: LAST }, signal), [workflow], (changes) => changes.some((each) => each.key.startsWith("run.")));
  return (
    <span class="last-runs">
      {[...(runs.value?.runs ?? [])].reverse().map((each) => (
        <a key={each.id} href={`/runs/${each.id}`} title={`${each.name}, ${time(each.created_at)}`}><Mark status={each.status} size={12} /></a>
      ))}
    </span>
  );
}

const TABS = [["source", "Source"], ["start", "Start"], ["schedules", "Schedules"], ["triggers", "Triggers"]] as const;

function One({ voice, name, tab }: { voice: string; name: string; tab: string }) {
  const versions = useAnswer((signal) => get<Workflow[]>(at`/workflows/${name}/versions`, {}, signal), [name]);
  const newest = versions.value?.at(-1);
  const here = `/workflows/${encodeURIComponent(voice)}/${encodeURIComponent(name)}`;
  if (versions.error) return <Failed what="The workflow could not be read:" error={versions.error as ApiError} again={versions.again} />;
  if (!newest || !versions.value) return <Loading />;
  return (
    <div class="sheet">
      <div class="page-head">
        <h1>{name}</h1><Voice name={newest.voice} />
        <span class="i2">{many(versions.value.length, "version")}, registered {time(newest.created_at)} from <code>{newest.target}</code></span>
        <span class="grow" /><LastRuns workflow={newest.workflow} />
      </div>
      <nav class="sheets" aria-label={`Of ${name}`}>
        {TABS.map(([each, words]) => <a key={each} href={each === "source" ? here : `${here}/${each}`} aria-current={tab === each ? "page" : undefined}>{words}</a>)}
      </nav>
      {tab === "start" ? <StartForm workflow={newest} /> : tab === "schedules" ? <Schedules workflow={newest} /> : tab === "triggers" ? <Triggers workflow={newest} /> : <SourceView versions={versions.value} />}
    </div>
  );
}
