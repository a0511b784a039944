// Paints a scene: rings, subflows, groups, edges, the middle, marks by rank, and last what they are called. No DOM.
import { STATUSES, TALLY, type Palette, type Status } from "../core/status";
import { ELEMENT, FLOW, GROUP } from "./items";
import { paintNames } from "./names";
import { Pen, type Canvas } from "./pen";
import type { Scene } from "./scene";
import { onTrace } from "./trace";

const RANK: Readonly<Record<Status, number>> = {
  succeeded: 0, cached: 0, skipped: 1, pending: 1, cancelled: 1, ready: 2, running: 3, waiting: 4, retrying: 4, crashed: 6, failed: 7,
};
const GROUPS = 5;
const HALF: Readonly<Record<Status, number>> = {
  failed: 7.6, crashed: 7.6, waiting: 7.2, retrying: 7.2, running: 6.2, succeeded: 5.8, cached: 5.8, ready: 5, pending: 5, skipped: 5, cancelled: 5,
};
/** Shapes are drawn in a box whose half is so much longer than their own half size. */
const BOX = 8 / 6;
export const FAINT = 0.26;
const OUT = 0.16; // what the filter leaves out
const DRAWN = 2000; // marks in view above which they are dots
const NAMED = 150; // names of hot ones among dots
const DOTS = 0.7; // below it all groups are arcs

/** Half the size of an item's mark on the stage. */
export function markSize(scene: Scene, item: number): number {
  const of = HALF[scene.status(item)] - (scene.items.kind[item] === ELEMENT && scene.status(item) === "succeeded" ? 0.4 : 0);
  return of * Math.min(1.35, scene.camera.scale < 1 ? Math.max(0.3, scene.camera.scale) : Math.sqrt(scene.camera.scale));
}

export function paint(on: Canvas, scene: Scene): void {
  const { wide, high, ratio, colours } = scene.wishes;
  on.setTransform(ratio, 0, 0, ratio, 0, 0);
  on.globalAlpha = 1;
  on.fillStyle = colours.bg;
  on.fillRect(0, 0, wide, high);
  if (!scene.items.n) return;
  const shown = inViewOf(scene);
  const dots = shown.length > DRAWN;
  if (dots || !scene.layout.routes) {
    const image = scene.raster.draw(scene, ratio, !scene.layout.routes, dots);
    on.putImageData(image, 0, 0);
  }
  on.translate(scene.camera.x, scene.camera.y);
  const pen = new Pen(on, scene.layout, scene.camera.scale);
  ground(pen, scene);
  if (scene.layout.routes) edges(pen, scene);
  if (scene.layout.round) middle(pen, scene);
  const drawn = dots ? shown.filter((i) => scene.items.kind[i] === GROUP || i === scene.hover || i === scene.focus) : shown;
  marks(pen, scene, drawn);
  paintNames(pen, scene, dots ? [...drawn, ...shown.filter(scene.hot).slice(0, NAMED)] : shown);
}

function inViewOf(scene: Scene): number[] {
  const shown: number[] = [];
  for (let i = 0; i < scene.items.n; i++) if (scene.seen(i) && inView(scene, i)) shown.push(i);
  return shown;
}

/** Rings, opened subflows and opened groups. */
function ground(pen: Pen, scene: Scene): void {
  const { on, layout } = pen;
  const { colours } = scene.wishes;
  on.lineWidth = 1;
  on.strokeStyle = colours.line;
  if (layout.round) {
    let last = -9;
    for (let l = 1; l <= layout.depth; l++) {
      if (pen.radius(l) - last < 6) continue;
      last = pen.radius(l);
      pen.arc(last, 0, Math.PI * 2);
    }
  }
  for (const wedge of layout.wedges) {
    const pad = 15, inner = Math.max(layout.round ? pen.radius(1) * 0.72 : -40, pen.radius(wedge.first) - pad);
    const outer = pen.radius(wedge.last) + pad;
    pen.sector(inner, layout.round ? outer : outer + 90, wedge.low, wedge.high);
    on.fillStyle = colours.sel;
    on.globalAlpha = (scene.trace ? 0.45 : 0.7) * (wedge.depth ? 0.8 : 1);
    on.fill();
    on.globalAlpha = 1;
    on.strokeStyle = colours.line2;
    pen.arc(layout.round ? outer : outer + 90, wedge.low, wedge.high);
  }
  on.lineCap = "round";
  for (const band of layout.bands) {
    const r = pen.radius(band.first);
    const members = scene.items.bands[band.of]!.members;
    on.globalAlpha = scene.trace && !members.some((each) => scene.trace![each]) ? 0.5 : 1;
    on.strokeStyle = colours.sel;
    on.lineWidth = 20 * Math.min(1, pen.scale);
    if (pen.scale < DOTS) proportions(pen, scene, counted(scene, members), r, band.low, band.high, 1);
    else pen.arc(r, band.low, band.high + 1e-4);
  }
  on.globalAlpha = 1;
}

function counted(scene: Scene, members: readonly number[]): number[] {
  const kinds = STATUSES.length;
  return STATUSES.map((_, s) => members.reduce((sum, each) => sum + scene.counts[each * kinds + s]!, 0));
}

type Look = "plain" | "planned" | "running" | "failed";

function lookOf(scene: Scene, item: number): Look {
  const status = scene.status(item);
  if (scene.items.kind[item] === GROUP && status !== "pending" && status !== "skipped") return "plain"; // its arc tells the rest
  return status === "running" || status === "failed" ? status : status === "pending" || status === "skipped" ? "planned" : "plain";
}

function edges(pen: Pen, scene: Scene): void {
  const { on } = pen;
  const { items, layout, trace } = scene;
  const { colours } = scene.wishes;
  const routes = layout.routes!;
  const of = scene.hover >= 0 ? scene.hover : scene.focus;
  const strokes: Record<Look, Map<number, number[]>> = { plain: new Map(), planned: new Map(), running: new Map(), failed: new Map() };
  const late: number[] = [];
  for (let e = 0; e < items.from.length; e++) {
    const a = items.from[e]!, b = items.to[e]!;
    if (!scene.seen(a) || !scene.seen(b)) continue;
    if (trace && onTrace(trace, a, b, of)) late.push(e);
    else {
      const by = strokes[lookOf(scene, b)];
      const list = by.get(routes.bus[e]!);
      if (list) list.push(e);
      else by.set(routes.bus[e]!, [e]);
    }
  }
  const draw = (e: number) => pen.edge(e, ends(scene, items.from[e]!), ends(scene, items.to[e]!) + 1);
  on.lineCap = "round";
  on.lineJoin = "round";
  for (const look of ["planned", "plain", "running", "failed"] as const) {
    on.strokeStyle = look === "running" || look === "failed" ? colours.fill[look] : colours.ink3;
    on.lineWidth = look === "running" || look === "failed" ? 1.3 : 1;
    on.globalAlpha = trace ? 0.17 : look === "planned" ? 0.5 : look === "plain" ? 0.5 : 1;
    on.setLineDash(look === "planned" ? [2, 3] : []);
    for (const list of strokes[look].values()) {
      on.beginPath();
      list.forEach(draw);
      on.stroke();
    }
  }
  on.setLineDash([5, 4]);
  on.strokeStyle = colours.ink3;
  on.globalAlpha = trace ? 0.17 : 0.7;
  on.beginPath();
  for (const [a, b] of layout.loops) if (scene.seen(a) && scene.seen(b)) pen.loop(a, b);
  on.stroke();
  on.globalAlpha = 1;
  on.strokeStyle = colours.ink;
  on.lineWidth = 1.6;
  for (const needed of [true, false]) {
    on.setLineDash(needed ? [4, 3] : []);
    on.beginPath();
    for (const e of late) if ((trace![items.to[e]!]! === 2) === needed) draw(e);
    on.stroke();
  }
  on.setLineDash([]);
}

/** What an edge keeps from the middle of an item. */
function ends(scene: Scene, item: number): number {
  return scene.items.kind[item] === GROUP ? 9 : markSize(scene, item) + 1.5;
}

/** The run itself: the share that has ended, and a ring of its tally. */
function middle({ on, scale }: Pen, scene: Scene): void {
  const { colours } = scene.wishes;
  const all = scene.total;
  const total = all.reduce((sum, each) => sum + each, 0) || 1;
  const r = Math.max(8, Math.min(72, scene.layout.radius[1]! * 0.56 * Math.min(1.6, scale)));
  on.lineCap = "butt";
  on.lineWidth = Math.max(3, Math.min(7, r * 0.26));
  ringOf(on, all, r, colours, -Math.PI / 2, Math.PI * 2);
  if (r < 16) return;
  const done = ["succeeded", "cached", "failed", "skipped", "cancelled"].reduce((sum, each) => sum + all[STATUSES.indexOf(each as Status)]!, 0);
  on.fillStyle = colours.ink;
  on.font = "600 13px system-ui, -apple-system, \"Segoe UI\", Roboto, sans-serif";
  on.textAlign = "center";
  on.textBaseline = "middle";
  on.fillText(`${Math.floor((done / total) * 100)} %`, 0, 0.5);
}

/** Shares of a length by status, quiet ones first; what matters is never too small to be seen. */
export function shares(counts: readonly number[], pixels: number): { status: Status; part: number }[] {
  const order = [...TALLY].reverse().filter((each) => counts[STATUSES.indexOf(each)]! > 0);
  const total = order.reduce((sum, each) => sum + counts[STATUSES.indexOf(each)]!, 0) || 1;
  const parts = order.map((status) => {
    const least = (status === "failed" || status === "crashed" ? 4 : 2) / Math.max(1, pixels);
    return { status, part: Math.max(least, counts[STATUSES.indexOf(status)]! / total) };
  });
  const sum = parts.reduce((s, each) => s + each.part, 0);
  for (const each of parts) each.part /= sum;
  return parts;
}

const areaOf = (colours: Palette, status: Status) => (status === "pending" || status === "ready" || status === "skipped" ? colours.line2 : colours.fill[status]);

function ringOf(on: Canvas, counts: readonly number[], r: number, colours: Palette, start: number, turn: number): void {
  let at = start;
  const parts = shares(counts, r * turn);
  for (const { status, part } of parts) {
    const end = at + part * turn;
    on.strokeStyle = areaOf(colours, status);
    on.beginPath();
    on.arc(0, 0, r, at, Math.max(at + 0.01, end - (parts.length > 1 ? 1.2 / r : 0)));
    on.stroke();
    at = end;
  }
}

/** A closed group: its counts as parts of its arc. */
function proportions(pen: Pen, scene: Scene, counts: readonly number[], r: number, low: number, high: number, alpha: number): void {
  const { on } = pen;
  const { colours } = scene.wishes;
  const unit = pen.unit(r), long = Math.max(high - low, 6 / unit);
  const thin = Math.max(0.4, Math.min(1, pen.scale));
  on.lineCap = "butt";
  on.globalAlpha = 1;
  on.strokeStyle = colours.bg;
  on.lineWidth = 17 * thin;
  pen.arc(r, low - 1.5 / unit, low + long + 1.5 / unit);
  on.globalAlpha = alpha;
  let at = low;
  for (const { status, part } of shares(counts, long * unit)) {
    const end = at + part * long;
    on.lineWidth = (status === "failed" || status === "crashed" ? 18 : 13) * thin;
    on.strokeStyle = areaOf(colours, status);
    pen.arc(r, at, Math.max(at + 0.5 / unit, end - 1 / unit));
    at = end;
  }
}

function marks(pen: Pen, scene: Scene, shown: number[]): void {
  const { on, layout } = pen;
  const { items } = scene;
  const kinds = STATUSES.length;
  const rank = (i: number) => (items.kind[i] === GROUP ? GROUPS : RANK[scene.status(i)]);
  shown.sort((a, b) => rank(a) - rank(b));
  for (const i of shown) {
    const alpha = strength(scene, i);
    const r = pen.radius(layout.level[i]!), a = layout.angle[i]!;
    const x = pen.x(r, a), y = pen.y(r, a);
    if (items.kind[i] === GROUP) {
      const of = Array.from(scene.counts.subarray(i * kinds, (i + 1) * kinds));
      proportions(pen, scene, of, r, a - layout.half[i]!, a + layout.half[i]!, alpha);
      if (i === scene.hover || i === scene.focus) outline(pen, scene, i, r);
      continue;
    }
    if (pen.scale < DOTS && items.band[i]! >= 0 && !scene.hot(i)) continue;
    const size = markSize(scene, i);
    on.globalAlpha = 1;
    if (items.band[i]! < 0) disc(on, x, y, size + 1.6, scene.wishes.colours.bg);
    on.globalAlpha = alpha;
    if (items.kind[i] === FLOW) double(pen, scene, i, r);
    scene.mark(on, i, x, y, size * BOX);
    if (i === scene.hover || i === scene.focus) {
      on.globalAlpha = 1;
      on.strokeStyle = scene.wishes.colours.ink;
      on.lineWidth = i === scene.focus ? 2 : 1.5;
      on.beginPath();
      on.arc(x, y, size + 4, 0, Math.PI * 2);
      on.stroke();
    }
  }
  on.globalAlpha = 1;
}

function disc(on: Canvas, x: number, y: number, r: number, colour: string): void {
  on.fillStyle = colour;
  on.beginPath();
  on.arc(x, y, r, 0, Math.PI * 2);
  on.fill();
}

/** A closed subflow: two short lines of its ring behind its mark. */
function double(pen: Pen, scene: Scene, i: number, r: number): void {
  const { on, layout } = pen;
  const a = layout.angle[i]!;
  on.lineWidth = 1.5;
  on.lineCap = "round";
  on.strokeStyle = scene.wishes.colours.text[scene.status(i)];
  for (const off of [10, 13.5]) pen.arc(r + off, a - 13 / pen.unit(r), a + 13 / pen.unit(r));
}

function outline(pen: Pen, scene: Scene, i: number, r: number): void {
  const { on, layout } = pen;
  const a = layout.angle[i]!, half = layout.half[i]! + 4 / pen.unit(r);
  on.globalAlpha = 1;
  on.strokeStyle = scene.wishes.colours.ink;
  on.lineWidth = 1.5;
  pen.sector(r - 11, r + 11, a - half, a + half);
  on.stroke();
}

/** How strongly an item is drawn: faint beside a trace, fainter outside the filter. */
export function strength(scene: Scene, i: number): number {
  if (scene.trace && !scene.trace[i]) return FAINT;
  return scene.keptItems && !scene.keptItems[i] ? OUT : 1;
}

export function inView(scene: Scene, i: number): boolean {
  const { wide, high } = scene.wishes;
  const x = scene.layout.x[i]! * scene.camera.scale + scene.camera.x;
  const y = scene.layout.y[i]! * scene.camera.scale + scene.camera.y;
  const pad = scene.items.kind[i] === GROUP ? 400 : 60;
  return x > -pad && x < wide + pad && y > -pad && y < high + pad;
}
