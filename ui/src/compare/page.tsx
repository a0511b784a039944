// The page Compare: which of these runs is best, by how much, and what changed with it; then all that differs.
import { useSignal } from "@preact/signals";
import { get } from "../core/api";
import { useAnswer } from "../core/answer";
import { command } from "../core/acts";
import { param, text, words } from "../core/router";
import type { RunList } from "../core/types";
import { count, time } from "../core/words";
import { Button, Copy } from "../parts/controls";
import { Mark } from "../parts/marks";
import { Empty, Failed, Loading } from "../parts/state";
import { Beside, Few, type Sections } from "./few";
import { Many } from "./many";
import { best, differs, mainMetric, reasons, verdict, wayOf, type Columns, type Way } from "./sides";
import "../style/events.css";
import "../style/compare.css";
import "../style/workflows.css";

const runs = param("runs", words);
const baseline = param("base", text);
const about = param("metric", text);
const turned = param("turned", words);
const MOST_COLUMNS = 6;

export function ComparePage() {
  const wanted = [...runs.value];
  const few = wanted.length <= MOST_COLUMNS;
  const columns = useAnswer(async (signal) => (wanted.length ? get<Columns>("/figures", { runs: wanted.join(",") }, signal) : undefined), [wanted]);
  const sections = useAnswer(async (signal) => (wanted.length > 1 && few ? get<Sections & { runs: string[] }>("/compare", { run: wanted, same: true }, signal) : undefined), [wanted]);
  const of = columns.value;
  if (!wanted.length) return <div class="sheet"><div class="page-head"><h1>Compare runs</h1></div><Choose /></div>;
  if (columns.error) return <Failed what="The runs could not be compared:" error={columns.error} again={columns.again} />;
  if (!of) return <Loading words={`Reading ${count(wanted.length)} runs`} />;
  const base = Math.max(0, of.runs.findIndex((each) => each.id === baseline.value || each.name === baseline.value));
  const metric = about.value && about.value in of.metrics ? about.value : mainMetric(of.metrics);
  const ways = new Map<string, Way>(Object.keys(of.metrics).map((each) => [each, turned.value.has(each) ? (wayOf(each) === "lower" ? "higher" : "lower") : wayOf(each)]));
  const turn = (each: string) => {
    const changed = new Set(turned.value);
    if (!changed.delete(each)) changed.add(each);
    turned.value = changed;
  };
  const way = ways.get(metric) ?? "lower";
  return (
    <div class="compare">
      <Head of={of} sections={sections.value} base={base} metric={metric} way={way} />
      {of.runs.length > MOST_COLUMNS ? <Many of={of} ways={ways} metric={metric} /> : (
        <div class="halves">
          <div class="left-half"><Few of={of} sections={sections.value ?? {}} base={base} rebase={(run) => { baseline.value = run; }} ways={ways} turn={turn} />
            {sections.error && <Failed what="Code and results could not be compared:" error={sections.error} again={sections.again} />}
          </div>
          <Beside of={of} base={base} />
        </div>
      )}
    </div>
  );
}

function Head({ of, sections, base, metric, way }: { of: Columns; sections: Sections | undefined; base: number; metric: string; way: Way }) {
  const adding = useSignal(false);
  const values = of.metrics[metric] ?? [];
  const first = best(values, way);
  const other = first === base ? best(values.map((each, index) => (index === base ? null : each)), way) : base;
  const elsewhere = first < 0 || other < 0 || !sections ? [] : [
    ...Object.entries(sections.code ?? {}).filter(([name, each]) => name !== "changed since" && differs([each[first], each[other]])).map(([name]) => (name === "commit" ? "another commit" : `the code of ${name.split(":").pop()}`)),
    ...Object.entries(sections.environment ?? {}).filter(([, each]) => differs([each[first], each[other]])).map(([name, each]) => `${name} ${each[first] || "none"} instead of ${each[other] || "none"}`),
  ];
  const names = of.runs.map((each) => each.name);
  return (
    <>
      <div class="page-head">
        <div class="grow">
          <h1>{of.runs.length < 2 ? `${names[0]}: add a run to compare it with` : verdict(of, metric, way, base)}</h1>
          {first >= 0 && other >= 0 && of.runs.length > 1 && <p class="i2">{reasons(of, first, other, elsewhere, metric)}</p>}
        </div>
        {Object.keys(of.metrics).length > 1 && (
          <label class="i2">By <select value={metric} onChange={(event) => { about.value = event.currentTarget.value; }}>{Object.keys(of.metrics).map((each) => <option key={each} value={each}>{each}</option>)}</select></label>
        )}
        <Button icon="plus" pressed={adding.value} onClick={() => { adding.value = !adding.value; }}>Add a run</Button>
        {names.length <= 20 && <Copy text={command("motet", "compare", ...names)} />}
        <Button icon="save" onClick={() => save(of)}>Export table</Button>
      </div>
      {adding.value && <Choose />}
    </>
  );
}

/** Runs to be chosen, the newest, or those with a text in their name or workflow. */
function Choose() {
  const looked = useSignal("");
  const chosen = useSignal<ReadonlySet<string>>(new Set(runs.peek()));
  const found = useAnswer((signal) => get<RunList>("/runs", { text: looked.value || null, limit: 50 }, signal), [looked.value]);
  const flip = (id: string) => {
    const changed = new Set(chosen.value);
    if (!changed.delete(id)) changed.add(id);
    chosen.value = changed;
  };
  return (
    <section class="choose">
      <div class="acts">
        <input type="search" aria-label="Find runs" placeholder="name or workflow" value={looked.value} onInput={(event) => { looked.value = event.currentTarget.value; }} />
        <Button primary disabled={chosen.value.size < 2} onClick={() => { runs.value = chosen.value; }}>Compare {chosen.value.size > 1 ? chosen.value.size : ""}</Button>
      </div>
      {found.value?.runs.length === 0 && <Empty>No run matches.</Empty>}
      {found.value?.runs.map((each) => (
        <label key={each.id} class="row chosen">
          <input type="checkbox" checked={chosen.value.has(each.id)} onChange={() => flip(each.id)} />
          <Mark status={each.status} size={12} /> {each.name} <span class="i3">{each.workflow}, {time(each.created_at)}</span>
        </label>
      ))}
    </section>
  );
}

/** The table as CSV, saved by the browser. */
function save(of: Columns): void {
  const cell = (value: unknown) => {
    const told = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    return /[",\n]/.test(told) ? `"${told.replaceAll('"', '""')}"` : told;
  };
  const columns = [...Object.entries(of.metrics), ...Object.entries(of.params)];
  const head = ["run", "name", "status", ...columns.map(([name]) => name)];
  const lines = of.runs.map((run, index) => [run.id, run.name, run.status, ...columns.map(([, values]) => values[index])]);
  const url = URL.createObjectURL(new Blob([[head, ...lines].map((line) => line.map(cell).join(",")).join("\n") + "\n"], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "runs.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
