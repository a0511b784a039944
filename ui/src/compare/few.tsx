// Up to six runs beside each other: a column a run, what differs first, what is equal folded into one line.
import { useSignal } from "@preact/signals";
import { at, get } from "../core/api";
import { useAnswer } from "../core/answer";
import { figure, inline, many, time } from "../core/words";
import { Picture } from "../artifacts/picture";
import { Button } from "../parts/controls";
import { Changes } from "./changes";
import { Curves, Swatch, type Curve } from "./curves";
import { best, differs, distance, short, wayOf, type Columns, type Way } from "./sides";

export type Sections = Record<string, Record<string, string[]>>;

interface Published {
  key: string;
  type: string;
  preview: { thumbnail?: { artifact: string }; media_type?: string } | null;
  content: { artifact?: string; media_type?: string } | null;
  points?: [number, number][];
}

interface FewOf {
  of: Columns;
  sections: Sections;
  base: number;
  rebase: (run: string) => void;
  ways: ReadonlyMap<string, Way>;
  turn: (metric: string) => void;
}

const HEADS: Record<string, string> = { code: "Code", environment: "Environment", run: "Steps and time", results: "Results" };

export function Few({ of, sections, base, rebase, ways, turn }: FewOf) {
  const order = [base, ...of.runs.map((_, index) => index).filter((index) => index !== base)];
  const way = (metric: string) => ways.get(metric) ?? wayOf(metric);
  const head = (name: string, rows: [string, unknown[]][]) => `${name}${rows.length ? `, ${rows.filter(([, values]) => differs(values)).length} of ${rows.length} differ` : ""}`;
  const params = Object.entries(of.params);
  return (
    <table class="sides">
      <thead>
        <tr>
          <td />
          {order.map((index) => {
            const run = of.runs[index];
            return run && (
              <th key={run.id} scope="col">
                <span class="row"><Swatch index={of.runs.length <= 3 ? index : -1} /><a class="link b" href={`/runs/${run.id}`}>{run.name}</a></span>
                <span class="i2">{time(run.created_at)}{index === base ? ", baseline" : run.status === "succeeded" ? "" : `, ${run.status}`} </span>
                {index !== base && <Button plain onClick={() => rebase(run.id)}>As baseline</Button>}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>
        <tr class="section"><th colSpan={order.length + 1} scope="colgroup">Metrics</th></tr>
        {Object.entries(of.metrics).map(([name, values]) => {
          const first = best(values, way(name));
          return (
            <tr key={name}>
              <th scope="row">{name}, <button type="button" class="turn" title="Turn it" onClick={() => turn(name)}>{way(name)} is better</button></th>
              {order.map((index) => (
                <td key={index}>
                  {index === first && differs(values) ? <b>{figure(values[index])}</b> : figure(values[index])}
                  <span class="i3"> {index === first ? "" : distance(values[first] ?? null, values[index] ?? null)}</span>
                </td>
              ))}
            </tr>
          );
        })}
        {!Object.keys(of.metrics).length && <tr><td colSpan={order.length + 1} class="i2">These runs have published no metrics.</td></tr>}
        <Section title={head("Parameters", params)} rows={params.map(([name, values]) => [name, values.map(short)])} order={order} equal="parameter" />
        {Object.entries(HEADS).map(([each, title]) => {
          const rows = Object.entries(sections[each] ?? {});
          return rows.length > 0 && <Section key={each} title={head(title, rows)} rows={rows.map(([name, values]) => [name || "result of the run", values])} order={order} equal="value" />;
        })}
      </tbody>
    </table>
  );
}

function Section({ title, rows, order, equal }: { title: string; rows: [string, string[]][]; order: readonly number[]; equal: string }) {
  const open = useSignal(false);
  const same = rows.filter(([, values]) => !differs(values));
  const shown = rows.filter(([, values]) => differs(values));
  const line = ([name, values]: [string, string[]]) => (
    <tr key={name}>
      <th scope="row">{name}</th>
      {order.map((index) => <td key={index} class={values[index] === values[order[0] ?? 0] ? "" : "unlike"} title={values[index]}>{inline(values[index] || "–", 80)}</td>)}
    </tr>
  );
  return (
    <>
      <tr class="section"><th colSpan={order.length + 1} scope="colgroup">{title}</th></tr>
      {shown.map(line)}
      {same.length > 0 && (
        <tr><td colSpan={order.length + 1}><button type="button" class="turn" aria-expanded={open.value} onClick={() => { open.value = !open.value; }}>{open.value ? "▾" : "▸"} {many(same.length, `equal ${equal}`)}</button></td></tr>
      )}
      {open.value && same.map(line)}
    </>
  );
}

/** Curves, pictures and code of the runs, each on the same axes. */
export function Beside({ of, base }: { of: Columns; base: number }) {
  const ids = of.runs.map((each) => each.id);
  const all = useAnswer((signal) => Promise.all(ids.map((each) => get<Published[]>(at`/runs/${each}/artifacts`, {}, signal))), [ids]);
  const found = all.value ?? [];
  const keys = (type: string) => [...new Set(found.flatMap((each) => each.filter((one) => one.type === type).map((one) => one.key)))];
  const curves = (key: string): Curve[] => of.runs.map((run, index) => ({ name: run.name, points: found[index]?.find((each) => each.key === key && each.type === "metric")?.points ?? [] }));
  return (
    <div class="right-half">
      {keys("metric").map((key) => <Curves key={key} metric={key} curves={curves(key)} />)}
      {keys("image").map((key) => (
        <section key={key}>
          <h2>{key}</h2>
          <div class="pictures">
            {of.runs.map((run, index) => {
              const one = found[index]?.find((each) => each.key === key && each.type === "image");
              const digest = one?.preview?.thumbnail?.artifact ?? one?.content?.artifact;
              return (
                <figure key={run.id}>
                  {digest ? <Picture digest={digest} type="image/png" alt={`${key} of ${run.name}`} /> : <p class="i3">not yet</p>}
                  <figcaption><Swatch index={of.runs.length <= 3 ? index : -1} /> {run.name}</figcaption>
                </figure>
              );
            })}
          </div>
        </section>
      ))}
      <CodeChanges of={of} base={base} />
    </div>
  );
}

interface Source { files: Record<string, string>; path: string; text: string | null; why: string }

/** The files that are not the same in the baseline and another run, as diffs. */
function CodeChanges({ of, base }: { of: Columns; base: number }) {
  const others = of.runs.filter((_, index) => index !== base);
  const chosen = useSignal("");
  const other = others.find((each) => each.id === chosen.value) ?? others[0];
  const from = of.runs[base];
  const found = useAnswer(async (signal) => {
    if (!other || !from) return [];
    const read = (run: string, path?: string) => get<Source>(at`/runs/${run}/source`, { path }, signal).catch(() => null);
    const [a, b] = await Promise.all([read(from.id), read(other.id)]);
    if (!a || !b) return [];
    const changed = Object.keys({ ...a.files, ...b.files }).filter((each) => a.files[each] !== b.files[each]).slice(0, 10);
    return Promise.all(changed.map(async (path) => ({
      path, before: path in a.files ? ((await read(from.id, path))?.text ?? null) : "", after: path in b.files ? ((await read(other.id, path))?.text ?? null) : "",
    })));
  }, [from?.id, other?.id]);
  if (!other || !from || !found.value?.length) return null;
  return (
    <section>
      <h2 class="row spread">
        <span>Code, {from.name} to {others.length === 1 ? other.name : ""}</span>
        {others.length > 1 && <select aria-label="Code of" value={other.id} onChange={(event) => { chosen.value = event.currentTarget.value; }}>{others.map((each) => <option key={each.id} value={each.id}>{each.name}</option>)}</select>}
      </h2>
      {found.value.map((each) => (
        <div key={each.path}>
          <h3>{each.path}</h3>
          {each.before === null || each.after === null ? <p class="i2">It differs; what it was is not kept in git.</p> : <Changes before={each.before} after={each.after} label={each.path} />}
        </div>
      ))}
    </section>
  );
}
