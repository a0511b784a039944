// The Timeline: rows in the order of first start over one line of time, drawn on a canvas for the rows in view.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { palette, STATUSES, tallied } from "../core/status";
import { count } from "../core/words";
import { useKeys } from "../shell/keys";
import { theme } from "../shell/theme";
import type { RunModel } from "./model";
import { AXIS, paint } from "./paint";
import { countsOf, meaning, placed, rowAt, rowsOf } from "./rows";
import { idle, Scale } from "./scale";
import * as state from "./state";

const MOST_PX = 8_000_000;

export function TimelineView({ model, critical, fold }: { model: RunModel; critical: boolean; fold: boolean }) {
  const port = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal({ wide: 800, high: 400 });
  const scrolled = useSignal(0);
  const drag = useSignal<[number, number] | null>(null);
  const { wide, high } = size.value;
  const when = state.moment.value;
  const until = useComputed(() => Math.max(model.until.value, 0.001));
  const picture = model.picture.value;
  const of = useMemo(() => ({ ...picture, until: when ?? until.value }), [picture, when, until.value]);
  const kept = model.kept.value;
  const opened = state.open.value, shut = state.closed.value;
  const calm = model.calm.value;
  const found = useMemo(() => placed(rowsOf(calm, kept, state.isOpen), calm.n), [calm, kept, opened, shut]);
  const span = state.window.value;
  const names = wide < 600 ? 130 : 212, meanings = wide < 600 ? 0 : 158;
  const folds = useMemo(() => (fold ? idle({ ...calm, until: of.until }, ...(span ?? [0, of.until])) : []), [calm, of.until, span, fold]);
  const scale = useMemo(() => {
    const [from, to] = span ?? [0, of.until];
    return new Scale(from, to, Math.max(50, wide - names - meanings), fold ? folds : []);
  }, [of.until, folds, span, wide, fold]);
  const loads = useMemo(() => new Map(), [found, scale]), counts = useMemo(() => new Map(), [picture, found]);
  const colours = useMemo(() => palette(), [theme.value]);
  const selected = model.find(state.selection.value);
  const total = found.tops.at(-1) ?? 0;
  const where = critical ? model.where.value : null, dragged = drag.value, run = model.run.value;
  const reach = Math.min(total + AXIS + 8, MOST_PX);
  const scrolledRows = reach < MOST_PX ? scrolled.value : scrolled.value / Math.max(1, reach - high) * (total - high);

  useEffect(() => (critical ? model.watchPath() : undefined), [model, critical]);
  useEffect(() => { for (const row of found.rows) if (row.opened && picture.maps.has(row.at)) model.timesOf(row.key); }, [found]);
  useLayoutEffect(() => {
    const element = port.current;
    if (!element) return;
    const measure = () => { size.value = { wide: element.clientWidth, high: element.clientHeight }; };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const surface = canvas.current, on = surface?.getContext("2d");
    if (!surface || !on) return;
    const ratio = devicePixelRatio || 1;
    if (surface.width !== Math.round(wide * ratio) || surface.height !== Math.round(high * ratio)) {
      surface.width = Math.round(wide * ratio);
      surface.height = Math.round(high * ratio);
    }
    on.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint(on, {
      of, placed: found, scale, wide, high, scrolled: scrolledRows, names, meanings, colours, selected, drag: dragged, where, loads, counts, placeOf: (theirs) => model.placeOf(theirs), live: !!run && !run.ended_at && when === null,
      said: when !== null ? "at" : run?.ended_at ? "ended" : "now",
    });
  });

  const at = found.rowOf[selected] ?? -1;
  useEffect(() => {
    const element = port.current;
    if (at < 0 || !element) return;
    const top = found.tops[at]!, bottom = found.tops[at + 1]! + AXIS;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + high) element.scrollTop = bottom - high;
  }, [state.selection.value]);

  const select = (index: number) => {
    const row = found.rows[Math.max(0, Math.min(found.rows.length - 1, index))];
    if (row) state.selection.value = picture.keys[row.at] ?? null;
  };
  const toggle = (index: number) => {
    const row = found.rows[index];
    if (row?.kind === "group" || row?.kind === "flow") state.toggle(row.key, row.opens);
  };
  useKeys("Timeline", [
    { keys: "ArrowDown, j", words: "next row", act: () => select(at + 1) },
    { keys: "ArrowUp, k", words: "row before", act: () => select(at - 1) },
    { keys: "o, Enter", words: "open or close the group", act: () => toggle(at) },
    { keys: "f", words: "all of the time", act: () => { state.window.value = null; } },
  ]);

  const place = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const down = (event: PointerEvent) => {
    const { x, y } = place(event);
    if (y >= AXIS || x < names) return;
    drag.value = [x, x];
    (event.target as Element).setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (drag.value) drag.value = [drag.value[0], Math.max(names, Math.min(wide - meanings, place(event).x))];
  };
  const up = () => {
    if (drag.value && Math.abs(drag.value[1] - drag.value[0]) > 4) {
      const [a, b] = drag.value.map((each) => scale.at(each - names)).sort((one, other) => one - other);
      state.window.value = [a!, b!];
    }
    drag.value = null;
  };
  const click = (event: MouseEvent) => {
    const { x, y } = place(event);
    if (y < AXIS) return;
    if (scale.folds.length && x > names) {
      const fold = scale.folds.find((each) => x - names >= scale.x(each.from) && x - names <= scale.x(each.to));
      if (fold) { state.window.value = [fold.from, fold.to]; return; }
    }
    const index = rowAt(found.tops, y - AXIS + scrolledRows);
    const row = found.rows[index];
    if (!row || y - AXIS + scrolledRows > total) return;
    if (row.kind === "group" || (row.kind === "flow" && x < names)) toggle(index);
    else select(index);
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const middle = scale.at(place(event).x - names), by = event.deltaY > 0 ? 1.25 : 0.8;
    const from = Math.max(0, middle - (middle - scale.from) * by), to = Math.min(until.value, middle + (scale.to - middle) * by);
    state.window.value = from <= 0 && to >= until.value ? null : [from, to];
  };
  const first = rowAt(found.tops, scrolledRows), shown = found.rows.slice(first, first + 60);
  return (
    <div class="timeline">
      <div
        class="tl-port" ref={port} role="application" aria-label={`Timeline of ${picture.run.name}: ${count(picture.n)} steps`}
        tabIndex={0} aria-activedescendant={at >= 0 ? `tl-${at}` : undefined}
        onScroll={(event) => { scrolled.value = event.currentTarget.scrollTop; }}
      >
        <div style={{ height: `${Math.max(reach, high)}px` }}>
          <canvas
            ref={canvas} style={{ width: `${wide}px`, height: `${high}px` }} onClick={click} onWheel={wheel}
            onPointerDown={down} onPointerMove={move} onPointerUp={up}
          />
        </div>
        <ul class="sr">
          {shown.map((row, index) => (
            <li key={row.key + row.kind} id={`tl-${first + index}`}>
              {`${row.label}, ${row.kind === "group" ? tallied(countsOf(of, row)).map(([status, n]) => `${n} ${status}`).join(", ") : `${STATUSES[of.status[row.at] ?? 0]} ${meaning(of, row.at)} ${of.cause.get(row.at) ?? ""}`}`}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
