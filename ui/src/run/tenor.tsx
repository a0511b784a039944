// The tenor strip: the load of the run over its whole life, under every view; a handle for the moment, a window, replay.
import { useComputed, useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { palette, STATUSES } from "../core/status";
import { clock } from "../core/words";
import { useKeys } from "../shell/keys";
import { theme } from "../shell/theme";
import { all, failures, load } from "./load";
import type { RunModel } from "./model";
import { isHot } from "./rows";
import { idle, Scale } from "./scale";
import * as state from "./state";

const HIGH = 46, BASE = 27;
const FAILED = STATUSES.indexOf("failed"), WAITING = STATUSES.indexOf("waiting");
const REPLAY_MS = 12_000;

/** The slot that was waited for the longest; "" where none was. */
function scarce(of: { slots: Map<number, string[]> }): string {
  const found = new Map<string, number>();
  for (const slots of of.slots.values()) for (const each of slots) found.set(each, (found.get(each) ?? 0) + 1);
  return [...found].sort((one, other) => other[1] - one[1])[0]?.[0] ?? "";
}

let playing = 0;

/** Play the run from its start in 12 s; a second time, or any change of the moment, stops it. */
export function replay(model: RunModel): void {
  if (playing) return stopReplay();
  const began = performance.now(), end = model.until.peek();
  let mine: number | null = null;
  const step = () => {
    const at = ((performance.now() - began) / REPLAY_MS) * end;
    if (mine !== null && state.moment.peek() !== mine) return stopReplay();
    mine = at >= end ? null : state.round(at);
    state.moment.value = mine;
    playing = mine === null ? 0 : requestAnimationFrame(step);
  };
  playing = requestAnimationFrame(step);
}

function stopReplay(): void {
  cancelAnimationFrame(playing);
  playing = 0;
}

export function Tenor({ model }: { model: RunModel }) {
  const box = useRef<HTMLDivElement>(null), canvas = useRef<HTMLCanvasElement>(null);
  const wide = useSignal(800);
  const drag = useSignal<{ from: number; moment: boolean } | null>(null);
  const now = model.ready.value ? model.whole.value : null;
  const until = useComputed(() => model.until.value).value;
  const moment = state.moment.value, span = state.window.value;
  const scale = useMemo(() => (now ? new Scale(0, until, wide.value, idle(now, 0, until)) : null), [now, until, wide.value]);
  const colours = useMemo(() => palette(), [theme.value]);

  useLayoutEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => { if (entry) wide.value = Math.max(100, entry.contentRect.width); });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const surface = canvas.current, on = surface?.getContext("2d");
    if (!surface || !on || !now || !scale) return;
    const ratio = devicePixelRatio || 1, w = wide.value;
    surface.width = Math.round(w * ratio);
    surface.height = HIGH * ratio;
    on.setTransform(ratio, 0, 0, ratio, 0, 0);
    const columns = Math.ceil(w), x = (at: number) => scale.x(at);
    const area = (of: Float32Array, most: number, alpha: number) => {
      on.fillStyle = colours.fill.running;
      on.globalAlpha = alpha;
      of.forEach((n, at) => { if (n) on.fillRect(at, BASE - Math.max(1.5, (n / most) * 22), 1, Math.max(1.5, (n / most) * 22)); });
      on.globalAlpha = 1;
    };
    const whole = load({ ...now, until }, all(now), columns, x);
    const most = Math.max(1, ...whole);
    area(whole, most, 0.22);
    const slot = scarce(now);
    if (slot) area(load({ ...now, until }, all(now), columns, x, slot), most, 0.5);
    on.strokeStyle = colours.line2;
    on.beginPath();
    on.moveTo(0, BASE + 0.5);
    on.lineTo(w, BASE + 0.5);
    on.stroke();
    on.fillStyle = colours.fill.failed;
    for (const at of failures(now, all(now), FAILED)) on.fillRect(x(at) - 1, BASE - 8, 2.5, 9);
    on.fillStyle = colours.fill.waiting;
    for (let at = 0; at < now.n; at += 1) {
      if (now.status[at] !== WAITING || !isHot(now, at)) continue;
      const middle = x(now.began[at] || now.created[at]!);
      on.beginPath();
      for (const [dx, dy] of [[0, -5], [5, 0], [0, 5], [-5, 0]] as const) on.lineTo(Math.max(5, middle) + dx, BASE + dy);
      on.fill();
    }
    on.font = "11px system-ui, sans-serif";
    on.textBaseline = "middle";
    on.fillStyle = colours.ink2;
    const clocked = (at: number) => clock(now.run.created_at + at);
    on.textAlign = "left";
    on.fillText(clocked(0), 0, HIGH - 9);
    on.textAlign = "right";
    const live = !now.run.ended_at;
    const last = `${live ? "now " : ""}${clocked(until)}`;
    on.fillText(last, w, HIGH - 9);
    for (const fold of scale.folds) {
      const middle = x((fold.from + fold.to) / 2), colour = fold.words.startsWith("crashed") ? colours.text.crashed : colours.ink3;
      on.strokeStyle = colour;
      for (const dx of [-4, 4]) {
        on.beginPath();
        for (let y = 2; y <= BASE + 2; y += 5) on.lineTo(middle + dx + (y / 5 % 2 > 1 ? 2 : -2), y);
        on.stroke();
      }
      on.fillStyle = colour;
      on.textAlign = "center";
      const half = on.measureText(fold.words).width / 2;
      if (middle - half > 60 && middle + half < w - 90) on.fillText(fold.words, middle, HIGH - 9);
    }
    if (span) {
      on.fillStyle = colours.bg;
      on.globalAlpha = 0.72;
      on.fillRect(0, 0, x(span[0]), BASE);
      on.fillRect(x(span[1]), 0, w, BASE);
      on.globalAlpha = 1;
    }
    const handle = Math.min(w - 4, Math.max(4, x(moment ?? until)));
    on.fillStyle = on.strokeStyle = colours.ink;
    on.lineWidth = 1.4;
    on.beginPath();
    on.moveTo(handle, 4);
    on.lineTo(handle, BASE + 6);
    on.stroke();
    on.beginPath();
    on.arc(handle, 4, 3.5, 0, 7);
    on.fill();
  });

  if (!now || !scale) return <div class="tenor" ref={box} />;
  const place = (event: PointerEvent) => event.clientX - canvas.current!.getBoundingClientRect().left;
  const timeOf = (px: number) => Math.max(0, Math.min(until, scale.at(px)));
  const set = (px: number) => { state.moment.value = px >= wide.value - 3 ? null : state.round(timeOf(px)); };
  const down = (event: PointerEvent) => {
    const px = place(event);
    const handle = scale.x(moment ?? until);
    drag.value = { from: px, moment: Math.abs(px - handle) < 12 };
    (event.target as Element).setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const held = drag.value;
    if (!held) return;
    const px = place(event);
    if (held.moment) set(px);
    else if (Math.abs(px - held.from) > 4) state.window.value = [timeOf(Math.min(px, held.from)), timeOf(Math.max(px, held.from))];
  };
  const up = (event: PointerEvent) => {
    const held = drag.value;
    drag.value = null;
    if (held && !held.moment && Math.abs(place(event) - held.from) <= 4) {
      if (span) state.window.value = null;
      else set(place(event));
    }
  };
  const by = (share: number) => {
    const at = Math.max(0, (moment ?? until) + until * share);
    state.moment.value = at >= until ? null : state.round(at);
  };
  const keys = (event: KeyboardEvent) => {
    const shares: Record<string, number> = { ArrowLeft: -0.01, ArrowRight: 0.01, PageDown: -0.1, PageUp: 0.1 };
    if (event.key in shares) by(shares[event.key]!);
    else if (event.key === "End") state.moment.value = null;
    else if (event.key === "Home") state.moment.value = 0;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="tenor" ref={box} role="slider" tabIndex={0} aria-label="Moment" aria-valuemin={0} aria-valuemax={Math.round(until)}
      aria-valuenow={Math.round(moment ?? until)} aria-valuetext={moment === null ? "now" : clock(now.run.created_at + moment)} onKeyDown={keys}
    >
      <canvas ref={canvas} style={{ width: `${wide.value}px`, height: `${HIGH}px` }} onPointerDown={down} onPointerMove={move} onPointerUp={up} />
    </div>
  );
}

/** The keys of the moment. */
export function useMomentKeys(model: RunModel): void {
  const events = () => {
    const now = model.now.peek();
    return now ? Float64Array.from([...now.began.subarray(0, now.n), ...now.ended.subarray(0, now.n)].filter((each) => each >= 0)).sort() : new Float64Array();
  };
  const back = () => { const at = events().findLast((each) => each < (state.moment.peek() ?? model.until.peek()) - 1e-3); state.moment.value = at === undefined ? 0 : state.round(at); };
  const on = () => { const at = state.moment.peek(); const to = at === null ? undefined : events().find((each) => each > at + 1e-3); state.moment.value = to === undefined ? null : state.round(to); };
  useKeys("Moment", [
    { keys: ",", words: "moment one event back", act: back },
    { keys: ".", words: "moment one event forward", act: on },
    { keys: "p", words: "replay", act: () => replay(model) },
    { keys: "Home", words: "back to now", act: () => { state.moment.value = null; } },
  ]);
}
