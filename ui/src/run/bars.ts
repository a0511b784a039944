// Draws one row of the Timeline on a canvas: what waited, ran, failed, paused, was lost or reused, from left to right.
import { STATUSES, type Palette, type Status } from "../core/status";
import { CACHED, type Picture, type Span } from "./picture";
import { failures, load } from "./load";
import type { Row } from "./rows";
import type { Scale } from "./scale";

type Canvas = CanvasRenderingContext2D;
const LEAST_PX = 2, LEAST_FAILED_PX = 3;

/** What is drawn of a group: how many ran in each column, and when attempts failed. */
export interface Load {
  columns: Float32Array;
  most: number;
  failed: number[];
}

export interface Pen {
  on: Canvas;
  of: Picture;
  scale: Scale;
  colours: Palette;
  /** where the scale's zero stands */
  left: number;
  /** the loads of groups, as long as picture and scale stay the same */
  loads: Map<string, Load>;
}

/** Lines over a box: "/" for waits, "x" for what was lost, "|" for pauses. */
function hatched(on: Canvas, x: number, y: number, w: number, h: number, colour: string, kind: "/" | "x" | "|"): void {
  on.save();
  on.beginPath();
  on.rect(x, y, w, h);
  on.clip();
  on.strokeStyle = colour;
  on.lineWidth = kind === "|" ? 2 : 1.3;
  on.beginPath();
  const step = kind === "|" ? 5 : 6;
  for (let at = Math.floor(x / step) * step - (kind === "|" ? 0 : h); at < x + w; at += step) {
    if (kind === "|") { on.moveTo(at + 1, y); on.lineTo(at + 1, y + h); }
    else { on.moveTo(at, y + h); on.lineTo(at + h, y); }
    if (kind === "x") { on.moveTo(at, y); on.lineTo(at + h, y + h); }
  }
  on.stroke();
  on.restore();
}

function box(on: Canvas, x: number, y: number, w: number, h: number): void {
  on.beginPath();
  if (w < 4) on.rect(x, y, w, h);
  else on.roundRect(x, y, w, h, 1.5);
}

/** An attempt, by how it ended: `status` stands for one that has not. */
function attempt({ on, of, scale, colours, left }: Pen, span: Span, y: number, h: number, status: Status): void {
  const open = Number.isNaN(span.ended);
  const x = left + scale.x(span.began);
  const end = left + scale.x(open ? of.until : Math.min(span.ended, of.until));
  const outcome = open ? status : span.outcome;
  const w = Math.max(outcome === "failed" ? LEAST_FAILED_PX : LEAST_PX, end - x);
  if (span.outcome === "waiting" || outcome === "waiting") {
    hatched(on, x, y, w, h, colours.fill.waiting, "/");
    on.strokeStyle = colours.text.waiting;
    on.lineWidth = 1;
    on.strokeRect(x + 0.5, y + 0.5, Math.max(1, w - 1), h - 1);
    return;
  }
  if (outcome === "interrupted" || outcome === "crashed") {
    hatched(on, x, y, w, h, colours.text.crashed, "x");
    on.fillStyle = colours.text.crashed;
    on.fillRect(x + w - 1.5, y, 1.5, h);
    return;
  }
  on.fillStyle = colours.fill[(outcome in colours.fill ? outcome : "succeeded") as Status];
  box(on, x, y, w, h);
  on.fill();
  if (outcome === "failed") on.fillRect(x + w - 2.5, y - 2, 2.5, h + 4);
  if (open && outcome === "running") {
    on.fillStyle = colours.text.running;
    on.fillRect(x + w - 2, y, 2, h);
  }
}

/** The bar of one step, within `h` pixels below `y`. */
export function drawStep(pen: Pen, at: number, y: number, h: number, thick: number): void {
  const { on, of, scale, colours, left } = pen;
  const status = STATUSES[of.status[at] ?? 0] as Status;
  const top = y + (h - thick) / 2, middle = Math.round(y + h / 2) + 0.5;
  const began = of.began[at]! >= 0 ? of.began[at]! : of.ended[at]!; // of elements often only the end is known
  const spans = of.spans.get(at) ?? (began >= 0 ? [{ ready: of.ready[at]!, began, ended: of.ended[at]!, outcome: status }] : []);
  const line = (from: number, to: number) => {
    if (!(to > from)) return;
    on.strokeStyle = colours.line2;
    on.lineWidth = 1;
    on.beginPath();
    on.moveTo(left + scale.x(from), middle);
    on.lineTo(left + scale.x(Math.min(to, of.until)), middle);
    on.stroke();
  };
  if (status === "skipped") return;
  if (of.flags[at]! & CACHED) {
    const x = left + scale.x(of.began[at]!);
    on.strokeStyle = colours.text.cached;
    on.strokeRect(x + 0.5, top + 0.5, 6, thick - 1);
    return;
  }
  if (!spans.length && status === "ready") line(of.ready[at]!, of.until);
  spans.forEach((span, index) => {
    const before = spans[index - 1];
    if (span.began > of.until) return;
    if (before?.outcome === "failed" && span.ready > before.ended) pause(pen, before.ended, span.ready, top, thick);
    line(Math.max(span.ready, before?.ended ?? -Infinity), span.began);
    attempt(pen, span, top, thick, status);
  });
  const last = spans.at(-1);
  if (status === "retrying" && last) pause(pen, last.ended, of.due.get(at) ?? of.until, top, thick);
}

function pause({ on, scale, colours, left, of }: Pen, from: number, to: number, y: number, h: number): void {
  const x = left + scale.x(from), end = left + scale.x(Math.min(to, of.until));
  if (end > x) hatched(on, x, y + h / 2 - 2.5, end - x, 5, colours.fill.retrying, "|");
}

const FAILED = STATUSES.indexOf("failed");

/** The load of a group as an area, failed attempts as ticks over its height. */
export function drawGroup(pen: Pen, row: Row, y: number, h: number, width: number): void {
  const { on, of, scale, colours, left } = pen;
  const steps = row.members.length ? row.members : [row.at];
  let kept = pen.loads.get(row.key);
  if (!kept) {
    const columns = load(of, steps, Math.ceil(width), (at) => scale.x(at));
    kept = { columns, most: Math.max(1, ...columns), failed: failures(of, steps, FAILED).sort((a, b) => a - b) };
    pen.loads.set(row.key, kept);
  }
  const { columns: found, most } = kept;
  const base = y + h - 5, room = h - 9;
  const living = steps.some((each) => of.status[each] === RUNNING);
  on.fillStyle = living ? colours.fill.running : colours.fill.succeeded;
  on.globalAlpha = row.opened ? 0.4 : 0.8;
  on.beginPath();
  on.moveTo(left, base);
  found.forEach((n, x) => {
    const top = n ? base - Math.max(2, (n / most) * room) : base;
    on.lineTo(left + x, top);
    on.lineTo(left + x + 1, top);
  });
  on.lineTo(left + found.length, base);
  on.fill();
  on.globalAlpha = 1;
  on.fillStyle = colours.fill.failed;
  let last = -Infinity;
  for (const at of kept.failed) {
    const x = left + scale.x(at);
    if (x - last < 3) continue;
    on.fillRect(x - 1, y + 3, 2.5, h - 6);
    last = x;
  }
}

const RUNNING = STATUSES.indexOf("running");
