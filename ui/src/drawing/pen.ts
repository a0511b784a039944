// Lines in the plane of a layout: around a middle, or in columns; the same edges, bands and arcs for both. No DOM.
import type { Layout } from "./layout";
import { way } from "./separate";

export type Canvas = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const ROUNDED = 7;

/** Draws lines of one layout at a scale; the canvas's origin stands at the layout's. */
export class Pen {
  constructor(readonly on: Canvas, readonly layout: Layout, public scale: number) {}

  radius(level: number): number {
    return this.layout.radius[level]! * this.scale;
  }

  x(r: number, a: number): number {
    return this.layout.round ? r * Math.cos(a) : r;
  }

  y(r: number, a: number): number {
    return this.layout.round ? r * Math.sin(a) : a * this.scale;
  }

  to(r: number, a: number): void {
    this.on.lineTo(this.x(r, a), this.y(r, a));
  }

  /** Along a ring, from one angle to another; the path is already at the first. */
  along(r: number, from: number, to: number): void {
    if (!this.layout.round) return this.to(r, to);
    this.on.arc(0, 0, Math.max(0, r), from, to, to < from);
  }

  /** Pixels of an angle of one on a ring. */
  unit(r: number): number {
    return this.layout.round ? Math.max(1, r) : this.scale;
  }

  /** Adds an edge to the path: out, along its lanes, in; `out` and `into` are what its ends keep from the marks. */
  edge(e: number, out: number, into: number): void {
    const { items, level, routes } = this.layout;
    const turns = routes!.turns[e]!, lanes = routes!.lanes[e]!;
    if (!turns.length) return;
    const first = level[items.from[e]!]!, last = level[items.to[e]!]!;
    let r = this.radius(first) + out, a = turns[0]!;
    this.on.moveTo(this.x(r, a), this.y(r, a));
    for (let g = 0; g < lanes.length; g++) {
      const end = g === lanes.length - 1 ? this.radius(last) - into : this.radius(first + g + 1);
      if (!Number.isNaN(lanes[g]!)) {
        r = this.bend(lanes[g]! * this.scale, r, end, a, turns[g + 1]!);
        a = turns[g + 1]!;
      } else if (g === lanes.length - 1) a = turns[g + 1]!;
    }
    this.to(this.radius(last) - into, a);
  }

  /** Out to a lane, along it and out again, with rounded corners; gives the radius where it has got to. */
  private bend(lane: number, from: number, end: number, a: number, b: number): number {
    const moved = this.layout.round ? way(a, b) : b - a;
    const unit = this.unit(lane), long = Math.abs(moved) * unit;
    const f = Math.max(0, Math.min(ROUNDED, Math.abs(lane - from) * 0.9, Math.abs(end - lane) * 0.9, long / 2));
    const da = (f / unit) * Math.sign(moved);
    const corner = (c: number, after: number, r: number) =>
      this.on.quadraticCurveTo(this.x(lane, c), this.y(lane, c), this.x(r, after), this.y(r, after));
    this.to(lane - f, a);
    corner(a, a + da, lane);
    if (long > 2 * f) this.along(lane, a + da, a + moved - da);
    corner(a + moved, a + moved, lane + f);
    return lane + f;
  }

  /** An edge that closes a loop: around the outside of both of its ends. */
  loop(a: number, b: number): void {
    const { level, angle, radius, depth, round } = this.layout;
    const l = Math.max(level[a]!, level[b]!);
    const gap = (l < depth ? radius[l + 1]! - radius[l]! : 30) * this.scale;
    const lane = this.radius(l) + gap * 0.72;
    const from = this.radius(level[a]!) + 7, to = this.radius(level[b]!) + 8;
    const moved = round ? way(angle[a]!, angle[b]!) : angle[b]! - angle[a]!;
    this.on.moveTo(this.x(from, angle[a]!), this.y(from, angle[a]!));
    this.to(lane, angle[a]!);
    this.along(lane, angle[a]!, angle[a]! + moved);
    this.to(to, angle[a]! + moved);
  }

  /** A piece of a ring, as thick as the line is. */
  arc(r: number, from: number, to: number): void {
    this.on.beginPath();
    this.on.moveTo(this.x(r, from), this.y(r, from));
    this.along(r, from, to);
    this.on.stroke();
  }

  /** The outline of all between two radii and two angles. */
  sector(inner: number, outer: number, from: number, to: number): void {
    this.on.beginPath();
    this.on.moveTo(this.x(outer, from), this.y(outer, from));
    this.along(outer, from, to);
    this.to(inner, to);
    this.along(inner, to, from);
    this.on.closePath();
  }

  /** Words along a ring about an angle, upright in the lower half; beside it in columns. Gives the pixels they take. */
  words(text: string, r: number, a: number): void {
    const { on } = this;
    on.textAlign = "center";
    on.textBaseline = "middle";
    if (!this.layout.round) {
      on.textAlign = "left";
      on.fillText(text, r, this.y(r, a));
      return;
    }
    const widths = [...text].map((each) => on.measureText(each).width);
    const long = on.measureText(text).width / r;
    const sum = widths.reduce((s, each) => s + each, 0) || 1;
    const low = Math.sin(a) > 0.2 ? -1 : 1;
    let at = a - (low * long) / 2;
    [...text].forEach((each, i) => {
      const step = (widths[i]! / sum) * long;
      const middle = at + (low * step) / 2;
      on.save();
      on.translate(r * Math.cos(middle), r * Math.sin(middle));
      on.rotate(middle + (low * Math.PI) / 2);
      on.fillText(each, 0, 0);
      on.restore();
      at += low * step;
    });
  }
}
