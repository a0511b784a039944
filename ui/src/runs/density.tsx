// How many runs began when and took how long: a grid in ink, failures drawn last, what still runs as marks at the right.
import { useEffect, useRef, useState } from "preact/hooks";
import { effect } from "@preact/signals";
import { useAnswer } from "../core/answer";
import { get } from "../core/api";
import { palette, shownAs } from "../core/status";
import type { Cell } from "../core/types";
import { day, duration, time } from "../core/words";
import { drawMark } from "../parts/shapes";
import { theme } from "../shell/theme";

const HIGH = 118;
const LEFT = 52;
const BELOW = 18;
const TICKS_S = [0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 86400 * 7];

interface Span {
  since: number;
  until: number;
}

interface Drawn {
  x: (at: number) => number;
  at: (x: number) => number;
  y: (seconds: number) => number;
}

/** Where times and durations stand; durations on a logarithmic scale over what there is. */
function scales(cells: readonly Cell[], span: Span, wide: number): Drawn {
  const took = cells.flatMap((each) => (each.took_s ? [each.took_s] : []));
  const low = Math.log(Math.max(0.004, Math.min(...took, 1)) / 1.5);
  const high = Math.log(Math.max(...took, 10) * 2);
  const width = wide - LEFT - 10;
  return {
    x: (at) => LEFT + ((at - span.since) / (span.until - span.since)) * width,
    at: (x) => span.since + ((x - LEFT) / width) * (span.until - span.since),
    y: (seconds) => (HIGH - BELOW) * (1 - (Math.log(Math.max(seconds, 0.004)) - low) / (high - low)),
  };
}

const DAY_S = 86400;
const STEPS_S = [1, 10, 60, 600, 3600, 6 * 3600, DAY_S, 7 * DAY_S, 28 * DAY_S, 182 * DAY_S];

function axis(on: CanvasRenderingContext2D, of: Drawn, span: Span, wide: number, colours: ReturnType<typeof palette>): void {
  on.font = '11px system-ui, "DejaVu Sans", sans-serif';
  on.fillStyle = colours.ink3;
  on.strokeStyle = colours.line;
  on.textBaseline = "middle";
  on.textAlign = "right";
  for (const each of TICKS_S) {
    const y = of.y(each);
    if (y > 6 && y < HIGH - BELOW - 4) on.fillText(duration(each).replace(/ 00 \w+$/, ""), LEFT - 8, y);
  }
  on.textAlign = "left";
  on.textBaseline = "alphabetic";
  const apart = ((span.until - span.since) / (wide - LEFT)) * 90;
  const step = STEPS_S.find((each) => each >= apart) ?? 365 * DAY_S;
  const zone = new Date(span.since * 1000).getTimezoneOffset() * 60;
  for (let at = Math.ceil((span.since - zone) / step) * step + zone; at < span.until; at += step) {
    const x = Math.round(of.x(at)) + 0.5;
    on.beginPath();
    on.moveTo(x, 0);
    on.lineTo(x, HIGH - BELOW);
    on.stroke();
    const words = step >= DAY_S ? day(at) : time(at).replace(/:00$/, "");
    if (x + 60 < wide) on.fillText(words, x + 3, HIGH - 5);
  }
}

function draw(canvas: HTMLCanvasElement, cells: readonly Cell[], span: Span, wide: number): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = wide * ratio;
  canvas.height = HIGH * ratio;
  const on = canvas.getContext("2d");
  if (!on) return;
  on.scale(ratio, ratio);
  const colours = palette();
  const of = scales(cells, span, wide);
  axis(on, of, span, wide, colours);
  const most = Math.max(1, ...cells.map((each) => each.count));
  const hot = (each: Cell) => each.status === "failed" || each.status === "crashed";
  const ended = cells.filter((each) => each.took_s !== null);
  for (const each of [...ended.filter((cell) => !hot(cell)), ...ended.filter(hot)]) {
    const x = of.x(Math.max(each.at, span.since));
    const wideOf = Math.max(3, Math.min(14, of.x(each.at + each.width_s) - of.x(each.at)) - 1);
    on.globalAlpha = hot(each) ? 1 : 0.22 + 0.6 * (Math.log1p(each.count) / Math.log1p(most));
    on.fillStyle = hot(each) ? colours.fill[shownAs(each.status)] : colours.ink3;
    const y = of.y((each.took_s ?? 0) * 1.19);
    on.fillRect(x, y - 2.5, wideOf, 5);
  }
  on.globalAlpha = 1;
  const open = cells.filter((each) => each.took_s === null).slice(-40);
  for (const [index, each] of open.entries()) {
    const x = Math.min(of.x(each.at + each.width_s / 2), wide - 10);
    drawMark(on, shownAs(each.status), x, 10 + (index % 5) * 13, 6, colours);
  }
}

/** The grid over a span of time; dragging over it, or a click on a cell, chooses runs that began then. */
export function Density({ since, until, onChoose }: Span & { onChoose: (since: number, until: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [wide, setWide] = useState(0);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const columns = Math.max(20, Math.min(400, Math.round(wide / 6)));
  const found = useAnswer(
    (signal) => get<{ cells: Cell[] }>("/density", { since, until, columns }, signal).then((of) => of.cells),
    [Math.round(since), Math.round(until), columns],
    (changes) => changes.some((each) => each.key.startsWith("run.")),
  );
  const cells = found.value ?? [];

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const seen = new ResizeObserver(() => setWide(element.clientWidth));
    seen.observe(element);
    return () => seen.disconnect();
  }, []);
  useEffect(
    () =>
      effect(() => {
        void theme.value;
        if (canvas.current && wide) draw(canvas.current, cells, { since, until }, wide);
      }),
    [cells, wide, since, until],
  );

  const at = (event: PointerEvent) => event.clientX - (box.current?.getBoundingClientRect().left ?? 0);
  const end = (event: PointerEvent) => {
    if (!drag) return;
    const of = scales(cells, { since, until }, wide);
    const [from, to] = [Math.min(drag[0], at(event)), Math.max(drag[0], at(event))];
    const click = to - from < 4;
    setDrag(null);
    const cell = click ? cells.find((each) => of.x(each.at) <= to && to <= of.x(each.at + each.width_s) + 3) : undefined;
    if (cell) onChoose(cell.at, cell.at + cell.width_s);
    else if (!click) onChoose(of.at(from), of.at(to));
  };
  const total = cells.reduce((sum, each) => sum + each.count, 0);
  const failed = cells.reduce((sum, each) => sum + (each.status === "failed" ? each.count : 0), 0);
  return (
    <div
      class="density" ref={box} onPointerDown={(event) => setDrag([at(event), at(event)])}
      onPointerMove={(event) => drag && setDrag([drag[0], at(event)])} onPointerUp={end} onPointerLeave={() => setDrag(null)}
    >
      <canvas
        ref={canvas} role="img" style={{ width: "100%", height: `${HIGH}px` }}
        aria-label={`${total} runs by start and duration, from ${time(since)} to ${time(until)}; ${failed} failed`}
      />
      {drag && <div class="span" style={{ left: `${Math.min(...drag)}px`, width: `${Math.abs(drag[1] - drag[0])}px` }} />}
    </div>
  );
}
