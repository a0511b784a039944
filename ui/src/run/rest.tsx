// The rest of a run beside its steps: what it was given and gave, the runs that it began, its artifacts, its events.
import { useAnswer } from "../core/answer";
import { at, get } from "../core/api";
import type { Event, EventList, Json } from "../core/types";
import { bytes, clock, duration, inline, time } from "../core/words";
import { Mark, Proportions } from "../parts/marks";
import { Empty, Failed, Loading } from "../parts/state";
import { Table } from "../parts/table";
import type { RunModel } from "./model";

type Published = { key: string; type: string; step: string; at: number; description?: string; content?: { artifact?: string; size_bytes?: number } | null; value?: Json };

const text = (of: Json) => (typeof of === "string" ? of : JSON.stringify(of, null, 1));

/** What the run was given, what it gave, and what it is made of. */
export function Parameters({ model }: { model: RunModel }) {
  const run = model.run.value!;
  const params = run.params && typeof run.params === "object" && !Array.isArray(run.params) ? Object.entries(run.params) : [];
  const facts: [string, Json][] = [["id", run.id], ["workflow", run.workflow], ["voice", run.program.voice ?? ""], ["tags", run.tags.join(", ")], ["begun", time(run.started_at)], ["ended", time(run.ended_at)], ["took", duration(run.duration_s)], ["file", run.program.file ?? ""], ["folder", run.program.cwd ?? ""], ["result", run.result], ["error", run.error?.message ?? ""]];
  return (
    <div class="rest">
      <h2>Parameters</h2>
      {params.length ? <dl>{params.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}><pre>{text(value)}</pre></dd>])}</dl> : <p class="i2">It was given none.</p>}
      <h2>About</h2>
      <dl>{facts.filter(([, value]) => value !== "" && value !== null).map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}><pre>{text(value)}</pre></dd>])}</dl>
      <Children model={model} />
    </div>
  );
}

/** The subflows of a run, and the runs that it began. */
export function Children({ model }: { model: RunModel }) {
  const of = model.picture.value;
  const flows: number[] = [];
  for (let i = 0; i < of.n && flows.length < 200; i += 1) if (of.flags[i]! & 8 && of.parent[i]! >= 0) flows.push(i);
  if (!flows.length && !of.children.length) return null;
  return (
    <>
      <h2>Subflows and child runs</h2>
      <ul class="flows">
        {flows.map((i) => <li key={i}><a href={`/runs/${of.run.name}/table?step=${encodeURIComponent(of.keys[i] ?? "")}`}>{of.names[of.name[i]!]}</a> <span class="i3 mono">{of.keys[i]}</span></li>)}
        {of.children.map((each) => <li key={each.id} class="row"><Mark status={each.status} /><a href={`/runs/${each.id}`}>{each.name}</a> <span class="i2">{each.workflow}</span> <span class="i3 mono">{each.step}</span> <Proportions counts={each.counts} /></li>)}
      </ul>
    </>
  );
}

/** What the run has published. */
export function Artifacts({ model }: { model: RunModel }) {
  const run = model.run.value!;
  const answer = useAnswer((signal) => get<Published[]>(at`/runs/${run.id}/artifacts`, {}, signal), [run.id], (changes) => changes.some((each) => each.run === run.id && each.namespace !== undefined));
  if (answer.error) return <Failed what="The artifacts could not be read." error={answer.error} again={answer.again} />;
  if (!answer.value) return <Loading />;
  return (
    <Table
      label="Artifacts" count={answer.value.length} row={(index) => answer.value?.[index]} height={26} keyOf={(row, index) => `${row.key}${index}`}
      empty={<Empty>This run has published nothing.</Empty>}
      columns={[
        { key: "name", head: "name", width: "minmax(160px, 1fr)", cell: (row) => (row.content?.artifact ? <a href={`/artifacts/${row.content.artifact}`}>{row.key}</a> : row.key) },
        { key: "type", head: "type", width: "100px", cell: (row) => row.type },
        { key: "step", head: "made by", width: "minmax(140px, 1fr)", cell: (row) => <a class="mono" href={`/runs/${run.name}?step=${encodeURIComponent(row.step)}`}>{row.step}</a> },
        { key: "size", head: "size", width: "90px", right: true, cell: (row) => (row.content ? bytes(row.content.size_bytes) : "") },
        { key: "at", head: "when", width: "120px", cell: (row) => time(row.at) },
        { key: "says", head: "what it is", width: "minmax(120px, 2fr)", cell: (row) => row.description ?? "" },
      ]}
    />
  );
}

/** The events of the run, oldest first. */
export function Events({ model }: { model: RunModel }) {
  const run = model.run.value!;
  const answer = useAnswer((signal) => get<EventList>("/events", { run: run.id, limit: 1000 }, signal), [run.id], (changes) => changes.some((each) => each.run === run.id));
  if (answer.error) return <Failed what="The events could not be read." error={answer.error} again={answer.again} />;
  if (!answer.value) return <Loading />;
  const found: Event[] = answer.value.events;
  return (
    <Table
      label="Events" count={found.length} row={(index) => found[index]} height={26} keyOf={(row) => String(row.offset)}
      empty={<Empty>No events in this time.</Empty>}
      columns={[
        { key: "at", head: "when", width: "110px", cell: (row) => clock(row.at, 3) },
        { key: "what", head: "event", width: "minmax(140px, 1fr)", cell: (row) => <span class={row.published ? "b" : ""}>{row.key}</span> },
        { key: "value", head: "value", width: "minmax(200px, 3fr)", cell: (row) => <span class="mono i2">{inline(row.value)}</span> },
        { key: "offset", head: "offset", width: "90px", right: true, cell: (row) => row.offset },
      ]}
    />
  );
}
