// The page Runs: what is asked for in one line, how many there are, when and how long, and the list itself.
import { useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../core/answer";
import { get } from "../core/api";
import { go, param, text, words } from "../core/router";
import { TALLY, tallied, type Status } from "../core/status";
import type { Json, Run } from "../core/types";
import { count, many } from "../core/words";
import { Button, Menu } from "../parts/controls";
import { Icon } from "../parts/icons";
import { Mark } from "../parts/marks";
import { asked, conditions, split, without, withOne, write, written } from "../parts/query";
import { Empty, Failed, Loading } from "../parts/state";
import { Table } from "../parts/table";
import { useKeys } from "../shell/keys";
import "../style/runs.css";
import { Bulk } from "./bulk";
import { columnsOf, fitting, FIXED, HEADS, SHOWN, type Figures } from "./columns";
import { Density } from "./density";
import { useRuns } from "./list";

const q = param("q", text);
const cols = param("cols", text);
const marked = param("marked", words, "replace");
const SPAN_S = 14 * 86400;

function QueryLine() {
  const [typed, setTyped] = useState("");
  const add = () => {
    let line = q.peek();
    for (const each of split(typed)) line = withOne(line, each);
    q.value = line;
    setTyped("");
  };
  const press = (event: KeyboardEvent) => {
    const last = split(q.peek()).at(-1);
    if (event.key === "Enter") add();
    else if (event.key === "Backspace" && !typed && last) q.value = without(q.peek(), last);
    else if (event.key === "Escape") (event.currentTarget as HTMLElement).blur();
  };
  return (
    <div class="query">
      <Icon name="find" />
      {conditions(q.value).map((each) => (
        <span key={each.written} class="chip">
          {each.written}
          <button type="button" aria-label={`Without ${each.written}`} onClick={() => (q.value = without(q.peek(), each.written))}><Icon name="close" size={11} /></button>
        </span>
      ))}
      <input
        type="text" value={typed} aria-label="Find runs" placeholder="status:failed, workflow:, tag:, depth=4, loss<0.5, started>2h, or words" spellcheck={false}
        onInput={(event) => setTyped(event.currentTarget.value)} onKeyDown={press} onBlur={() => typed && add()}
      />
    </div>
  );
}

function Tallies() {
  const counts = useAnswer((signal) => get<Record<string, number>>("/counts", {}, signal), [], (changes) => changes.some((each) => each.key.startsWith("run.")));
  const chosen = conditions(q.value).find((each) => each.name === "status")?.value;
  const found = tallied(counts.value ?? {});
  const shown: [Status, number][] = chosen && !found.some(([each]) => each === chosen) && TALLY.includes(chosen as Status) ? [[chosen as Status, 0], ...found] : found;
  const press = (status: Status) => {
    const own = write("status", ":", status);
    q.value = status === chosen ? without(q.peek(), own) : withOne(q.peek(), own);
  };
  return (
    <div class="tally" role="group" aria-label="All runs by status">
      {shown.map(([status, n]) => (
        <button key={status} type="button" aria-pressed={status === chosen} onClick={() => press(status)}>
          <Mark status={status} quiet /><b>{count(n)}</b> {status}
        </button>
      ))}
    </div>
  );
}

interface Columns {
  runs: { id: string }[];
  params: Record<string, Json[]>;
  metrics: Record<string, Json[]>;
}

/** Metrics and parameters of runs, as columns. */
const figuresOf = (rows: readonly Run[], signal: AbortSignal) =>
  rows.length ? get<Columns>("/figures", { runs: rows.map((each) => each.id).join(",") }, signal) : Promise.resolve(null);

/** Values of the metrics and parameters that have a column of their own, of the newest runs that are shown. */
function useFigures(names: readonly string[], rows: readonly Run[]): Figures {
  const shown = names.length ? rows.slice(0, 300) : [];
  const found = useAnswer((signal) => figuresOf(shown, signal), [shown.map((each) => each.id + each.status)]);
  return useMemo(() => {
    const of = found.value;
    const all = { ...(of?.params ?? {}), ...(of?.metrics ?? {}) };
    return new Map(names.map((name) => [name, new Map((of?.runs ?? []).map((each, index) => [each.id, all[name]?.[index] ?? null]))]));
  }, [found.value, names.join()]);
}

/** Which columns there may be: those of every run, and the metrics and parameters of the newest; asked for when opened. */
function Choice({ rows, shown }: { rows: readonly Run[]; shown: readonly string[] }) {
  const found = useAnswer((signal) => figuresOf(rows.slice(0, 60), signal), []);
  const all = [...new Set([...FIXED, ...shown, ...Object.keys(found.value?.metrics ?? {}), ...Object.keys(found.value?.params ?? {})])];
  const set = (name: string, on: boolean) => {
    const kept = on ? [...shown.filter((each) => each !== "says"), name, ...shown.filter((each) => each === "says")] : shown.filter((each) => each !== name);
    cols.value = kept.join() === FIXED.join() ? "" : kept.join();
  };
  return (
    <div class="choice" onClick={(event) => event.stopPropagation()}>
      {all.map((name) => (
        <label key={name} class="row"><input type="checkbox" checked={shown.includes(name)} onChange={(event) => set(name, event.currentTarget.checked)} /> {HEADS[name] ?? name}</label>
      ))}
    </div>
  );
}

function Nothing({ line }: { line: string }) {
  const all = conditions(line);
  if (!all.length) return <Empty><p>No runs yet. <code>motet run hello.py</code> makes one; it appears here by itself.</p></Empty>;
  return (
    <Empty>
      <p>No run matches.</p>
      {all.map((each) => <Button key={each.written} plain icon="close" onClick={() => (q.value = without(line, each.written))}>Without {each.written}</Button>)}
    </Empty>
  );
}

export function RunsPage() {
  const place = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const line = q.value;
  const { query, wrong } = useMemo(() => asked(line), [line]);
  const isAtTop = () => (place.current?.querySelector(".table")?.scrollTop ?? 0) < 40;
  const found = useRuns(query, isAtTop);
  const shown = useMemo(() => (cols.value ? cols.value.split(",").filter(Boolean) : [...FIXED]), [cols.value]);
  const own = shown.filter((each) => !SHOWN.has(each));
  const figures = useFigures(own, found.runs);
  const marks = marked.value;
  const onMark = (run: Run, on: boolean) => {
    const changed = new Set(marked.peek());
    if (on) changed.add(run.id);
    else changed.delete(run.id);
    marked.value = changed;
  };
  const columns = columnsOf({ cols: fitting(shown), figures, rows: found.runs, marked: marks, onMark });
  const open = (run: Run) => go(`/runs/${encodeURIComponent(run.name)}`);
  const step = (by: number) => setAt(Math.max(0, Math.min(found.runs.length - 1, at + by)));
  const here = found.runs[at];
  const chosen = found.runs.filter((each) => marks.has(each.id));
  useKeys("Runs", [
    { keys: "j, ArrowDown", words: "Next run", act: () => step(1) },
    { keys: "k, ArrowUp", words: "The run before", act: () => step(-1) },
    { keys: "x", words: "Mark the run", act: () => here && onMark(here, !marks.has(here.id)) },
    { keys: "c", words: "Compare marked runs", act: () => chosen.length > 1 && go(`/compare?runs=${chosen.map((each) => encodeURIComponent(each.name)).join(",")}`) },
    { keys: "Enter", words: "Open the run", act: () => here && open(here) },
    { keys: "Escape", words: "Unmark all", act: () => (marked.value = new Set()) },
  ]);
  const since = typeof query.since === "number" ? query.since : null;
  const until = typeof query.until === "number" ? query.until : null;
  const [now] = useState(() => Math.ceil(Date.now() / 1000));
  const newest = found.runs[0]?.created_at ?? now;
  const end = until ?? (newest < now - SPAN_S ? newest + 3600 : now + 60); // where nothing began of late, what did last
  const oldest = found.more ? end - SPAN_S : (found.runs.at(-1)?.created_at ?? now);
  const from = since ?? Math.max(end - SPAN_S, Math.min(end - 600, oldest - 60));
  const choose = (begin: number, end: number) => {
    const kept = conditions(q.peek()).filter((each) => each.name !== "started").map((each) => each.written);
    q.value = [...kept, write("started", ">", written(begin)), write("started", "<", written(Math.ceil(end) + 1))].join(" ");
  };
  return (
    <div class="runs" ref={place}>
      <h1 class="sr">Runs</h1>
      <div class="ask"><QueryLine /><a class="button primary" href="/workflows"><Icon name="play" />Start a run…</a></div>
      <div class="row tallies">
        <Tallies />
        <span class="grow" />
        <span class="i3 found">{found.loading || found.error ? "" : `${found.more ? "more than " : ""}${many(found.runs.length, "run")}, found in ${Math.max(1, Math.round(found.took))} ms`}</span>
        <Menu label="Columns" icon="down"><Choice rows={found.runs} shown={shown} /></Menu>
      </div>
      {wrong.map((each) => <p key={each} class="note bad" role="alert">{each}</p>)}
      <Density since={from} until={end} onChoose={choose} />
      {found.fresh > 0 && <Button onClick={() => { place.current?.querySelector(".table")?.scrollTo(0, 0); found.again(); }}>{many(found.fresh, "new run")}</Button>}
      {found.error ? <Failed what="The runs could not be read." error={found.error} again={found.again} /> : found.loading ? <Loading words="Reading runs" /> : (
        <Table
          label="Runs" columns={columns} count={found.runs.length} row={(index) => found.runs[index]} keyOf={(run) => run.id} at={at} onAt={setAt}
          onOpen={open} rowClass={(run) => (marks.has(run.id) ? "marked" : "")} empty={<Nothing line={line} />}
          onWindow={(_, last) => last > found.runs.length - 30 && found.further()}
        />
      )}
      <Bulk runs={chosen} onClear={() => (marked.value = new Set())} />
    </div>
  );
}
