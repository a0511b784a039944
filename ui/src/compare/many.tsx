// Many runs: axes to brush, a row a run in a windowed table; a line and a row are links to their run.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { go } from "../core/router";
import { count, figure, many } from "../core/words";
import { Button } from "../parts/controls";
import { Mark } from "../parts/marks";
import { Table, type Column } from "../parts/table";
import { axes, best, differs, ranked, short, wayOf, within, type Axis, type Brushes, type Columns, type Way } from "./sides";

const WIDE = 1200;
const HIGH = 200;
const TOP = 26;
const BOTTOM = 182;

export function Many({ of, ways, metric }: { of: Columns; ways: ReadonlyMap<string, Way>; metric: string }) {
  const all = useMemo(() => axes(of, metric), [of, metric]);
  const names = useMemo(() => ranked(of, metric).filter((each) => differs(of.params[each] ?? [])), [of, metric]);
  const brushes = useSignal<Brushes>(new Map());
  const sorted = useSignal<{ key: string; down: boolean }>({ key: "", down: false });
  const hovered = useSignal(-1);
  const valueOf = (key: string, index: number) => (of.metrics[key] ?? of.params[key])?.[index] ?? null;
  const order = (a: number, b: number) => {
    const [x, y] = [valueOf(sorted.value.key, a), valueOf(sorted.value.key, b)];
    const by = x === null ? (y === null ? 0 : 1) : y === null ? -1 : x < y ? -1 : x > y ? 1 : 0;
    return sorted.value.down && x !== null && y !== null ? -by : by;
  };
  const rows = of.runs.map((_, index) => index).filter((index) => within(index, all, brushes.value));
  if (sorted.value.key) rows.sort(order);
  const bests = new Map(Object.entries(of.metrics).map(([name, values]) => [name, best(values, ways.get(name) ?? wayOf(name))]));
  const column = (key: string, values: readonly unknown[]): Column<number> => ({
    key, head: key, width: "minmax(92px, 1fr)", right: values.some((each) => typeof each === "number"),
    ...(sorted.value.key === key ? { sorted: sorted.value.down ? ("descending" as const) : ("ascending" as const) } : {}),
    onSort: () => { sorted.value = { key, down: sorted.value.key === key && !sorted.value.down }; },
    cell: (index) => {
      const value = values[index];
      const told = typeof value === "number" ? figure(value) : short(value as never);
      return bests.get(key) === index ? <b>{told}</b> : told;
    },
  });
  const columns: Column<number>[] = [
    { key: "name", head: "Run", width: "minmax(150px, 1.4fr)", cell: (index) => <a class="row" href={`/runs/${of.runs[index]?.id}`}><Mark status={of.runs[index]?.status ?? ""} size={12} /> <span class="cut">{of.runs[index]?.name}</span></a> },
    ...Object.entries(of.metrics).map(([name, values]) => column(name, values)),
    ...names.map((each) => column(each, of.params[each] ?? [])),
  ];
  const equal = Object.keys(of.params).length - names.length;
  return (
    <>
      <Axes of={of} all={all} brushes={brushes.value} hovered={hovered.value} onBrush={(to) => { brushes.value = to; }} />
      <p class="note-line i2">
        {count(rows.length)} of {many(of.runs.length, "run")}{equal ? `; ${many(equal, "equal parameter")} left out` : ""}. Drag along an axis to choose.{" "}
        {brushes.value.size > 0 && <Button plain onClick={() => { brushes.value = new Map(); }}>Show all</Button>}
      </p>
      <div class="many-rows"><Table label="Runs" columns={columns} count={rows.length} row={(at) => rows[at]} keyOf={(index) => of.runs[index]?.id ?? ""} height={28} onAt={(at) => { hovered.value = rows[at] ?? -1; }} onOpen={(index) => go(`/runs/${of.runs[index]?.id}`)} /></div>
    </>
  );
}

interface AxesOf {
  of: Columns;
  all: readonly Axis[];
  brushes: Brushes;
  hovered: number;
  onBrush: (to: Brushes) => void;
}

/** A line a run through an upright axis for each number; dragging along an axis keeps the runs within. */
function Axes({ of, all, brushes, hovered, onBrush }: AxesOf) {
  const began = useSignal<{ name: string; y: number } | null>(null);
  if (all.length < 2) return null;
  const x = (place: number) => 60 + (place / (all.length - 1)) * (WIDE - 120);
  const y = (axis: Axis, value: number) => BOTTOM - ((value - axis.low) / (axis.high - axis.low)) * (BOTTOM - TOP);
  const valueAt = (axis: Axis, at: number) => axis.low + ((BOTTOM - Math.max(TOP, Math.min(BOTTOM, at))) / (BOTTOM - TOP)) * (axis.high - axis.low);
  const yOf = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).ownerSVGElement?.getBoundingClientRect();
    return box ? ((event.clientY - box.top) / box.height) * HIGH : 0;
  };
  const drag = (axis: Axis, event: PointerEvent) => {
    const from = began.value;
    if (from?.name !== axis.name) return;
    const [a, b] = [valueAt(axis, from.y), valueAt(axis, yOf(event))];
    const changed = new Map(brushes);
    if (Math.abs(from.y - yOf(event)) < 3) changed.delete(axis.name);
    else changed.set(axis.name, [Math.min(a, b), Math.max(a, b)]);
    onBrush(changed);
  };
  const faint = Math.max(0.12, Math.min(0.5, 4 / Math.sqrt(of.runs.length)));
  const path = (index: number) => all.map((axis, place) => {
    const value = axis.values[index] ?? null;
    return value === null ? "" : `${place && (all[place - 1]?.values[index] ?? null) !== null ? "L" : "M"}${x(place).toFixed(1)} ${y(axis, value).toFixed(1)}`;
  }).join("");
  return (
    <svg class="chart axes" viewBox={`0 0 ${WIDE} ${HIGH}`} role="group" aria-label="Runs over their parameters and metrics">
      {of.runs.map((run, index) => (
        <a key={run.id} href={`/runs/${run.id}`} aria-label={run.name} tabindex={-1}>
          <path opacity={index === hovered ? 1 : faint} class={`run-line${within(index, all, brushes) ? "" : " out"}${index === hovered ? " at" : ""}`} d={path(index)}><title>{run.name}</title></path>
        </a>
      ))}
      {all.map((axis, place) => {
        const brush = brushes.get(axis.name);
        return (
          <g key={axis.name}>
            <line class="grid" x1={x(place)} x2={x(place)} y1={TOP} y2={BOTTOM} />
            <text x={x(place)} y={12} text-anchor="middle" class="axis-name">{axis.name}</text>
            <text x={x(place) + 5} y={TOP + 6}>{figure(axis.high)}</text>
            <text x={x(place) + 5} y={BOTTOM + 12}>{figure(axis.low)}</text>
            {brush && <rect class="brush" x={x(place) - 6} width={12} y={y(axis, brush[1])} height={Math.max(2, y(axis, brush[0]) - y(axis, brush[1]))} />}
            <rect
              class="grip" x={x(place) - 12} y={TOP - 6} width={24} height={BOTTOM - TOP + 12}
              onPointerDown={(event) => { began.value = { name: axis.name, y: yOf(event) }; event.currentTarget.setPointerCapture(event.pointerId); }}
              onPointerMove={(event) => drag(axis, event)}
              onPointerUp={(event) => { drag(axis, event); began.value = null; }}
            />
          </g>
        );
      })}
    </svg>
  );
}
