// Runs beside each other as figures and words: which is best, by how much, and what differs with it.
import type { Json } from "../core/types";
import { duration, figure } from "../core/words";

export interface Columns {
  runs: { id: string; name: string; workflow: string; status: string; created_at: number; duration_s: number | null }[];
  params: Record<string, Json[]>;
  metrics: Record<string, (number | null)[]>;
}

export type Way = "lower" | "higher";

const HIGHER = /(^|[_.\-/ ])(acc|accuracy|auc|roc|f1|r2|score|precision|recall|map|ndcg|bleu|rouge|iou|dice|reward|gain|sharpe|throughput|likelihood|hits?)($|[_.\-/@ \d])/i;

/** Whether less or more of a metric is better, as far as its name says; the reader may turn it. */
export const wayOf = (metric: string): Way => (HIGHER.test(metric) ? "higher" : "lower");

/** The place of the best value; -1 where none has one. */
export function best(values: readonly (number | null)[], way: Way): number {
  let found = -1;
  values.forEach((each, index) => {
    const than = values[found] ?? null;
    if (each !== null && (than === null || (way === "lower" ? each < than : each > than))) found = index;
  });
  return found;
}

/** "+1.8 %" from one value to another; "" where there is no share to speak of. */
export function distance(from: number | null, to: number | null): string {
  if (from === null || to === null || from === to) return "";
  if (from === 0) return `${to > 0 ? "+" : ""}${figure(to)}`;
  const share = ((to - from) / Math.abs(from)) * 100;
  return `${share > 0 ? "+" : "−"}${Math.abs(share) < 10 ? Math.abs(share).toFixed(1) : Math.round(Math.abs(share))} %`;
}

export const differs = (values: readonly unknown[]) => new Set(values.map((each) => JSON.stringify(each ?? null))).size > 1;

/** The metric that most runs have, whose values differ: what a comparison is about unless the reader says otherwise. */
export function mainMetric(metrics: Columns["metrics"]): string {
  const known = Object.entries(metrics).map(([name, values]) => [name, values.filter((each) => each !== null).length, differs(values)] as const);
  const ranked = known.filter(([, n]) => n > 1).sort((a, b) => Number(b[2]) - Number(a[2]) || b[1] - a[1] || Number(/val|test/i.test(b[0])) - Number(/val|test/i.test(a[0])));
  return ranked[0]?.[0] ?? "";
}

/** "calm-ibis is best: val_rmse 4.618, 1.8 % below quiet-otter." */
export function verdict(of: Columns, metric: string, way: Way, base: number): string {
  const values = of.metrics[metric] ?? [];
  const first = best(values, way);
  const winner = of.runs[first];
  const value = values[first];
  if (!winner || value === undefined || value === null) return "No metric says which of these runs is better.";
  if (values.filter((each) => each !== null).length < 2) return `Only ${winner.name} has a value of ${metric}: ${figure(value)}.`;
  if (!differs(values.filter((each) => each !== null))) return `All are alike in ${metric}: ${figure(value)}.`;
  const rivals = values.map((each, index) => (index === first ? null : each));
  const other = first === base || values[base] === null || values[base] === undefined ? best(rivals, way) : base;
  const than = of.runs[other];
  const far = distance(values[other] ?? null, value).replace(/^[+−]/, "");
  return `${winner.name} is best: ${metric} ${figure(value)}${than && far ? `, ${far} ${way === "lower" ? "below" : "above"} ${than.name}` : ""}.`;
}

/** How closely a parameter goes with a metric over all runs: 0 not at all, 1 wholly; of words, by the middles of each. */
export function strength(param: readonly Json[], metric: readonly (number | null)[]): number {
  const groups = new Map<string, number[]>();
  param.forEach((each, index) => {
    const value = metric[index] ?? null;
    if (value !== null) groups.set(String(each), [...(groups.get(String(each)) ?? []), value]);
  });
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
  const pairs = param.map((each, index): [number, number | null] => {
    const at = typeof each === "number" ? each : mean(groups.get(String(each)) ?? [0]);
    return [at, metric[index] ?? null];
  }).filter((pair): pair is [number, number] => pair[1] !== null);
  if (pairs.length < 5 || groups.size < 2 || (groups.size === pairs.length && typeof param[0] !== "number")) return 0;
  const [x, y] = [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))];
  const sum = (of: (a: number, b: number) => number) => pairs.reduce((total, [a, b]) => total + of(a - x, b - y), 0);
  const spread = Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b));
  return spread ? Math.abs(sum((a, b) => a * b)) / spread : 0;
}

/** The names of the parameters, those that most closely go with the metric before others. */
export function ranked(of: Columns, metric: string): string[] {
  const values = of.metrics[metric] ?? [];
  const names = Object.keys(of.params);
  const by = new Map(names.map((each) => [each, strength(of.params[each] ?? [], values)]));
  return names.sort((a, b) => (by.get(b) ?? 0) - (by.get(a) ?? 0));
}

/** What differs between the best run and another one, in words: parameters, then code and packages, then the time. */
export function reasons(of: Columns, first: number, other: number, elsewhere: readonly string[], metric = ""): string {
  const params = ranked(of, metric).map((name): [string, Json[]] => [name, of.params[name] ?? []]).filter(([, values]) => differs([values[first], values[other]]));
  const told = params.slice(0, 4).map(([name, values]) => `${name} ${short(values[first])} instead of ${short(values[other])}`);
  if (params.length > 4) told.push(`${params.length - 4} more parameters`);
  const [a, b] = [of.runs[first]?.duration_s ?? null, of.runs[other]?.duration_s ?? null];
  const took = a !== null && b !== null && b > 0 && Math.abs(a / b - 1) > 0.1 ? `It took ${Math.round(Math.abs(a / b - 1) * 100)} % ${a > b ? "longer" : "less"} (${duration(a)}).` : "";
  const all = [...told, ...elsewhere];
  return `${all.length ? `What changed with it: ${all.join(", ")}.` : "Parameters and code are the same."} ${took}`.trim();
}

export const short = (value: Json | undefined) => (value === null || value === undefined ? "–" : typeof value === "number" ? figure(value) : String(typeof value === "object" ? JSON.stringify(value) : value).slice(0, 60));

export interface Axis {
  name: string;
  values: (number | null)[];
  low: number;
  high: number;
}

/** The axes of many runs: what are numbers and differ. The metric stands last, before it what most goes with it. */
export function axes(of: Columns, metric: string, most = 8): Axis[] {
  const others = Object.keys(of.metrics).filter((each) => each !== metric);
  const names = [...ranked(of, metric).slice(0, 50), ...others].map((each): [string, Json[]] => [each, of.params[each] ?? of.metrics[each] ?? []]);
  const found = names.flatMap(([name, values]) => axis(name, values)).slice(0, most - 1);
  return [...found, ...axis(metric, of.metrics[metric] ?? [])];
}

function axis(name: string, values: readonly Json[]): Axis[] {
  const numbers = values.map((each) => (typeof each === "number" ? each : null));
  const known = numbers.filter((each) => each !== null);
  return known.length > 1 && differs(known) ? [{ name, values: numbers, low: Math.min(...known), high: Math.max(...known) }] : [];
}

export type Brushes = ReadonlyMap<string, readonly [number, number]>;

/** Whether a run is within all that was brushed. */
export function within(index: number, all: readonly Axis[], brushes: Brushes): boolean {
  return all.every((each) => {
    const brush = brushes.get(each.name);
    const value = each.values[index] ?? null;
    return !brush || (value !== null && value >= brush[0] && value <= brush[1]);
  });
}
