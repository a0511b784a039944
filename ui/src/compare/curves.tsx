// Curves of one metric of several runs on the same axes, with one cursor: colour and dashes tell the runs apart.
import { useSignal } from "@preact/signals";
import { figure } from "../core/words";
import { Button } from "../parts/controls";

export interface Curve {
  name: string;
  points: [number, number][];
}

const WIDE = 520;
const HIGH = 220;
const LEFT = 48;
const DASHES = ["", "6 4", "2 3"];

/** Round numbers between two, about `count` of them. */
export function ticks(low: number, high: number, count = 4): number[] {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Number(at.toPrecision(12)));
  return found;
}

export function Curves({ metric, curves }: { metric: string; curves: readonly Curve[] }) {
  const log = useSignal(false);
  const cursor = useSignal<number | null>(null);
  const shown = curves.filter((each) => each.points.length > 1);
  if (!shown.length) return null;
  const scale = (y: number) => (log.value && y > 0 ? Math.log10(y) : y);
  const all = shown.flatMap((each) => each.points);
  const [left, right] = [Math.min(...all.map(([x]) => x)), Math.max(...all.map(([x]) => x))];
  const [low, high] = [Math.min(...all.map(([, y]) => scale(y))), Math.max(...all.map(([, y]) => scale(y)))];
  const x = (of: number) => LEFT + ((of - left) / (right - left || 1)) * (WIDE - LEFT - 8);
  const y = (of: number) => HIGH - 22 - ((scale(of) - low) / (high - low || 1)) * (HIGH - 34);
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const of = ((event.clientX - box.left) / box.width) * WIDE;
    cursor.value = Math.round(Math.max(left, Math.min(right, left + ((of - LEFT) / (WIDE - LEFT - 8)) * (right - left))));
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    cursor.value = Math.max(left, Math.min(right, (cursor.value ?? left) + by));
  };
  const at = cursor.value;
  const valueAt = (of: Curve) => (at === null ? undefined : of.points.reduce((near, each) => (Math.abs(each[0] - at) < Math.abs(near[0] - at) ? each : near))[1]);
  const few = curves.length <= 3;
  return (
    <section>
      <h2 class="row spread"><span>{metric}</span><Button pressed={log.value} onClick={() => { log.value = !log.value; }}>log</Button></h2>
      <svg
        class="chart curves" viewBox={`0 0 ${WIDE} ${HIGH}`} role="slider" tabindex={0} aria-label={`${metric} over its steps; arrows move the cursor`}
        aria-valuemin={left} aria-valuemax={right} aria-valuenow={at ?? right}
        aria-valuetext={at === null ? "no step" : `step ${at}: ${shown.map((each) => `${each.name} ${figure(valueAt(each))}`).join(", ")}`}
        onPointerMove={move} onPointerLeave={() => { cursor.value = null; }} onKeyDown={step}
      >
        {ticks(low, high, 6).map((each) => {
          const of = log.value ? 10 ** each : each;
          return <g key={each}><line class="grid" x1={LEFT} x2={WIDE - 8} y1={y(of)} y2={y(of)} /><text x={LEFT - 6} y={y(of) + 4} text-anchor="end">{figure(of)}</text></g>;
        })}
        {ticks(left, right, 5).map((each) => <text key={each} x={x(each)} y={HIGH - 4} text-anchor="middle">{figure(each)}</text>)}
        {curves.map((each, index) => each.points.length > 1 && (
          <polyline
            key={each.name} class={few ? `curve c${index + 1}` : "curve many"} stroke-dasharray={few ? DASHES[index] : undefined}
            points={each.points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ")}
          />
        ))}
        {at !== null && <line class="mark-line" x1={x(at)} x2={x(at)} y1={8} y2={HIGH - 20} />}
      </svg>
      <p class="legend">{at === null ? "" : `step ${at}`} {curves.map((each, index) => each.points.length > 1 && (
        <span key={each.name}><Swatch index={few ? index : -1} /> {each.name}{at !== null && ` ${figure(valueAt(each))}`}</span>
      ))}</p>
    </section>
  );
}

/** The colour and dashes of a run's curve. */
export function Swatch({ index }: { index: number }) {
  return <svg class="swatch" width={18} height={8} aria-hidden><path class={index < 0 ? "curve many" : `curve c${index + 1}`} d="M0 4h18" stroke-dasharray={DASHES[index]} /></svg>;
}
