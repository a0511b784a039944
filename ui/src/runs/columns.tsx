// The columns of the list of runs: which there are, how each is shown, and how much room it takes.
import { signal } from "@preact/signals";
import { under } from "../core/acts";
import { shownAs, statusWords, tallied } from "../core/status";
import type { Json, Run } from "../core/types";
import { count, duration, figure, inline, iso, NONE, time, voiceName } from "../core/words";
import { Voice } from "../parts/controls";
import { Mark, Proportions } from "../parts/marks";
import type { Column } from "../parts/table";

/** A voice's name as it is written. */
export function voiceOf(run: Pick<Run, "program">): string {
  return voiceName(String(run.program.voice ?? ""));
}

/** Who began it, or what. */
export function byOf(run: Run): string {
  const begun = run.program.begun_by as Record<string, Json> | undefined;
  return String(begun?.user ?? begun?.by ?? "");
}

/** What a run has to say: its error, what it waits for, that its process died. */
export function saysOf(run: Run): string {
  const asked = under.value.get(run.id);
  if (asked) return asked;
  const wait = run.waits[0] as Record<string, Json> | undefined;
  if (run.status === "crashed") return "its process died, can be resumed";
  if (wait) return wait.for === "event" ? `waits for ${String(wait.event)}` : wait.for === "rule" ? "waits for its rule" : "asks you";
  if (run.error) return `${run.error.type ?? "Error"}: ${String(run.error.message ?? "").split("\n")[0]}`;
  return run.status === "cancelling" ? statusWords(run.status) : "";
}

function Took({ run, most }: { run: Run; most: number }) {
  const taken = run.duration_s;
  const of = taken && most > 0 ? Math.max(2, (taken / most) * 52) : 0;
  const shown = shownAs(run.status);
  const live = shown === "running" || shown === "waiting";
  return (
    <span class="row">
      <span class="took">{duration(taken)}</span>
      <svg width={52} height={8} aria-hidden class="hint">
        <rect y={1} height={6} width={of} rx={1.5} fill={live ? "var(--running-f)" : "var(--line2)"} />
      </svg>
    </span>
  );
}

/** Figures of what is shown: for each name, a value by run; null where it has none. */
export type Figures = ReadonlyMap<string, ReadonlyMap<string, Json>>;

function place(of: number, all: readonly number[]): number {
  const low = Math.min(...all);
  const high = Math.max(...all);
  return high > low ? (of - low) / (high - low) : 0.5;
}

function Figure({ value, all }: { value: Json | undefined; all: readonly number[] }) {
  if (typeof value !== "number") return <span class={value === null || value === undefined ? "i3" : "mono"}>{value === null || value === undefined ? NONE : inline(value, 40)}</span>;
  return (
    <span class="row">
      <span class="took">{figure(value)}</span>
      {all.length > 1 && (
        <svg width={46} height={10} aria-hidden class="hint">
          <path d="M2 5H44" stroke="var(--line2)" />
          <circle cx={4 + place(value, all) * 38} cy={5} r={2.6} fill="var(--ink3)" />
        </svg>
      )}
    </span>
  );
}

export const FIXED = ["workflow", "started", "duration", "steps", "params", "tags", "by", "says"] as const;
export const SHOWN = new Set<string>(FIXED);
/** What is left out first where there is less room, by the width of the window. */
const LEFT_OUT: readonly (readonly [number, readonly string[]])[] = [[1180, ["by"]], [1040, ["tags"]], [900, ["params"]], [760, ["steps", "workflow"]], [600, ["started"]]];
const wide = signal(innerWidth);
addEventListener("resize", () => (wide.value = innerWidth));

/** The columns of the choice that there is room for. */
export function fitting(cols: readonly string[]): string[] {
  const out = LEFT_OUT.flatMap(([most, names]) => (wide.value <= most ? names : []));
  return cols.filter((each) => !out.includes(each));
}

export const HEADS: Record<string, string> = {
  workflow: "Workflow", started: "Started", duration: "Duration", steps: "Steps", params: "Parameters", tags: "Tags", by: "By", says: "What it says",
};

function paramsOf(run: Run): string {
  if (!run.params || typeof run.params !== "object" || Array.isArray(run.params)) return run.params === null ? "" : inline(run.params, 60);
  return Object.entries(run.params).map(([name, value]) => `${name} ${inline(value, 24)}`).join(" · ");
}

interface Of {
  cols: readonly string[];
  figures: Figures;
  rows: readonly Run[];
  marked: ReadonlySet<string>;
  onMark: (run: Run, on: boolean) => void;
}

/** The columns of that choice, in that order; a name that is none of ours is a metric or a parameter. */
export function columnsOf({ cols, figures, rows, marked, onMark }: Of): Column<Run>[] {
  const most = Math.max(0, ...rows.map((each) => each.duration_s ?? 0));
  const fixed: Record<string, Omit<Column<Run>, "key" | "head">> = {
    workflow: { width: "minmax(120px, 1.2fr)", cell: (run) => <span class="row"><span class="cut">{run.workflow}</span><Voice name={voiceOf(run)} /></span> },
    started: { width: "112px", cell: (run) => <time title={iso(run.started_at ?? run.created_at)}>{time(run.started_at ?? run.created_at)}</time> },
    duration: { width: "minmax(96px, 160px)", cell: (run) => <Took run={run} most={most} /> },
    steps: {
      width: "150px",
      cell: (run) => <span class="row"><Proportions counts={run.counts} /><span class="i3">{count(tallied(run.counts).reduce((sum, [, n]) => sum + n, 0))}</span></span>,
    },
    params: { width: "minmax(80px, 1fr)", cell: (run) => <span class="mono i2" title={inline(run.params, 2000)}>{paramsOf(run)}</span> },
    tags: { width: "minmax(60px, 0.6fr)", cell: (run) => <span class="i2">{run.tags.join(", ")}</span> },
    by: { width: "84px", cell: (run) => <span class="i2">{byOf(run)}</span> },
    says: { width: "minmax(120px, 1.3fr)", cell: (run) => <span class={`t-${shownAs(run.status)}`} title={saysOf(run)}>{saysOf(run)}</span> },
  };
  const first: Column<Run>[] = [
    {
      key: "mark", head: <span class="sr">Marked</span>, width: "40px",
      cell: (run) => <input type="checkbox" aria-label={`Mark ${run.name}`} checked={marked.has(run.id)} onClick={(event) => event.stopPropagation()} onChange={(event) => onMark(run, event.currentTarget.checked)} />,
    },
    {
      key: "run", head: "Run", width: "minmax(150px, 1.1fr)",
      cell: (run) => <span class="row"><Mark status={run.status} /><a class="cut b" href={`/runs/${encodeURIComponent(run.name)}`}>{run.name}</a></span>,
    },
  ];
  const others = cols.map((name): Column<Run> => {
    const known = fixed[name];
    if (known) return { key: name, head: HEADS[name], ...known };
    const values = figures.get(name);
    const all = rows.flatMap((each) => { const value = values?.get(each.id); return typeof value === "number" ? [value] : []; });
    return { key: name, head: name, width: "minmax(100px, 140px)", cell: (run) => <Figure value={values?.get(run.id)} all={all} /> };
  });
  return [...first, ...others];
}
