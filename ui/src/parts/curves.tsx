// Curves of metrics: small ones as a line, large ones by uPlot, loaded when they are first wanted.
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { figure } from "../core/words";

export interface Curve {
  name: string;
  points: readonly (readonly [number, number])[];
}

/** The course of few numbers in a line; `at`: its end is marked, as where an attempt failed. */
export function Sparkline({ points, width = 92, height = 20, failed }: { points: readonly (readonly [number, number])[]; width?: number; height?: number; failed?: boolean }) {
  const known = points.filter(([, y]) => Number.isFinite(y));
  const [xs, ys] = [known.map(([x]) => x), known.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const place = ([x, y]: readonly [number, number]) =>
    `${(2 + ((x - left) / (right - left || 1)) * (width - 4)).toFixed(1)} ${(2 + ((high - y) / (high - low || 1)) * (height - 4)).toFixed(1)}`;
  return (
    <svg width={width} height={height} role="img" aria-label={`from ${figure(ys[0])} to ${figure(ys.at(-1))}`}>
      <path d={`M${known.map(place).join("L")}`} fill="none" stroke="currentColor" stroke-width="1.3" />
      {failed && <path d={`M${width - 2} 1V${height - 1}`} stroke="var(--failed)" stroke-width="1.5" />}
    </svg>
  );
}

const STROKES = [[], [6, 3], [2, 3]];

/** Curves over one axis, with one cursor. Beyond three, all but the one under the pointer are faint. */
export function Curves({ curves, height = 160, sync }: { curves: readonly Curve[]; height?: number; sync?: string }) {
  const here = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = here.current;
    if (!element) return;
    let plot: uPlot | null = null;
    let over = false;
    const drawn = async () => {
      const [{ default: Plot }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
      if (over) return;
      plot?.destroy();
      const style = getComputedStyle(document.documentElement);
      const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
      const xs = [...new Set(curves.flatMap((each) => each.points.map(([x]) => x)))].sort((one, other) => one - other);
      const place = new Map(xs.map((x, index) => [x, index]));
      const rows = curves.map((each) => {
        const row: (number | null)[] = xs.map(() => null);
        for (const [x, y] of each.points) row[place.get(x) ?? 0] = Number.isFinite(y) ? y : null;
        return row;
      });
      const axis = { stroke: token("ink3"), grid: { stroke: token("line"), width: 1 }, ticks: { stroke: token("line") }, font: "11px system-ui", size: 34 };
      plot = new Plot({
        width: element.clientWidth || 300, height, legend: { show: false },
        cursor: { points: { size: 6 }, ...(sync ? { sync: { key: sync } } : {}), focus: { prox: 24 } },
        focus: { alpha: 0.35 }, scales: { x: { time: false } }, axes: [axis, { ...axis, size: 48 }],
        series: [{}, ...curves.map((each, index) => ({
          label: each.name, spanGaps: true, width: 1.5, stroke: curves.length > 3 ? token("ink") : token(`curve${index + 1}`), dash: curves.length > 3 ? [] : (STROKES[index] ?? []),
          points: { show: each.points.length < 2 },
        }))],
      }, [xs, ...rows] as uPlot.AlignedData, element);
    };
    void drawn();
    const seen = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }));
    seen.observe(element);
    const theme = new MutationObserver(() => void drawn());
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    return () => {
      over = true;
      seen.disconnect();
      theme.disconnect();
      plot?.destroy();
    };
  }, [JSON.stringify(curves), height]);
  const words = curves.map((each) => `${each.name}: last ${figure(each.points.at(-1)?.[1])}`).join("; ");
  return <div ref={here} class="curves" role="img" aria-label={words} />;
}
