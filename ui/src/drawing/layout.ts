// The whole picture in numbers: radii, angles, arcs, bands, sectors and edges; the same for every view. No DOM.
import { ELEMENT, FLOW, GROUP, type Items } from "./items";
import { FIRST, halfArc, NOMINAL, place, type Placed } from "./place";
import type { Ring } from "./ring";
import { route, type Routes } from "./route";
import { TURN, way } from "./separate";

const LEAST_GAP = 22;
const LEVELS = 14; // beyond as many the picture grows
const ROUTED = 6000; // edges above which they are drawn straight, as a density

/** A stretch of a ring: an opened group's members, or what an opened subflow takes of its rings. */
export interface Stretch {
  of: number; // index into items.bands or items.scopes
  low: number;
  high: number;
  first: number; // levels
  last: number;
  depth: number; // how many subflows are around it
}

export interface Layout {
  round: boolean;
  items: Items;
  level: Int32Array;
  depth: number;
  rings: Ring[];
  radius: Float64Array; // by level; columns where the plane is not round
  angle: Float64Array; // rows where it is not
  half: Float64Array; // half the arc of a closed group, 0 for others
  x: Float64Array;
  y: Float64Array;
  bands: Stretch[];
  wedges: Stretch[];
  routes: Routes | null;
  loops: [number, number][];
  preds: number[][];
  succs: number[][];
  box: [number, number, number, number];
}

export interface Measure {
  side: number; // half the smaller side of the stage, for Radar
  column?: (item: number) => number; // what an item's name takes of its column, for Graph
}

/** Lays a picture out. The same items give the same layout, whether they came at once or step by step. */
export function layOut(items: Items, round: boolean, measure: Measure): Layout {
  const placed = place(items, { round });
  const level = Int32Array.from(placed.levels.level);
  const radius = round ? radii(placed, level, measure.side) : columns(placed, level, measure);
  const half = arcs(placed, radius, round);
  const x = new Float64Array(items.n), y = new Float64Array(items.n);
  for (let i = 0; i < items.n; i++) {
    const r = radius[level[i]!]!, a = placed.angle[i]!;
    x[i] = round ? r * Math.cos(a) : r;
    y[i] = round ? r * Math.sin(a) : a;
  }
  const layout: Layout = {
    round, items, level, depth: placed.depth, rings: placed.rings, radius, angle: placed.angle, half, x, y,
    bands: bands(placed, items), wedges: wedges(placed, items, level, radius, round), routes: null,
    loops: placed.levels.loops, preds: placed.levels.preds, succs: placed.levels.succs, box: [0, 0, 0, 0],
  };
  layout.box = box(layout);
  if (items.from.length <= ROUTED) layout.routes = route(layout);
  return layout;
}

function box({ round, radius, depth, x, y, items }: Layout): [number, number, number, number] {
  if (round) {
    const r = radius[depth] ?? 0;
    return [-r, -r, r, r];
  }
  let top = 0, low = 0;
  for (let i = 0; i < items.n; i++) {
    top = Math.min(top, y[i]!);
    low = Math.max(low, y[i]!);
  }
  return [x.length ? 0 : -1, top - 14, (radius[depth] ?? 0) + 120, low + 14];
}

/** The least pixels between the middles of two neighbours on a ring. */
function apart(items: Items, a: number, b: number): number {
  const own = (i: number) => (items.kind[i] === GROUP ? 40 : items.kind[i] === ELEMENT ? 15 : items.kind[i] === FLOW ? 44 : 26);
  return (own(a) + own(b)) / 2;
}

/** Rings share the half side; one that is too full for it, or the fifteenth and further, makes the picture grow. */
function radii({ items, rings, depth }: Placed, level: Int32Array, side: number): Float64Array {
  const weight = new Float64Array(depth + 1).fill(1);
  for (let i = 0; i < items.n; i++) if (items.band[i]! >= 0) weight[level[i]!] = 1.12;
  const first = Math.max(46, FIRST * side);
  const total = weight.subarray(2).reduce((sum, each) => sum + each, 0);
  const full = needed(items, fullest(rings));
  // where full rings make the picture grow, their gaps grow with them
  const wide = full > side * 1.5 ? full / Math.max(11, depth) : 0;
  const even = depth > LEVELS ? 0 : Math.min((side - first) / Math.max(1, total), 0.42 * NOMINAL);
  const gap = Math.max(LEAST_GAP, even, wide);
  const radius = new Float64Array(depth + 1);
  for (let l = 1; l <= depth; l++) {
    const shared = l === 1 ? first : radius[l - 1]! + gap * weight[l]!;
    radius[l] = Math.max(shared, needed(items, rings[l]));
  }
  return radius;
}

function fullest(rings: Ring[]): Ring | undefined {
  return rings.reduce<Ring | undefined>((best, ring) => (ring.size > (best?.size ?? 0) ? ring : best), undefined);
}

function needed(items: Items, ring: Ring | undefined): number {
  if (!ring || ring.size < 2) return 0;
  let most = 0;
  for (let i = 0; i < ring.size; i++) {
    const gap = ring.gap(i);
    if (gap < TURN / 2) most = Math.max(most, apart(items, ring.items[i]!, ring.items[(i + 1) % ring.size]!) / Math.max(gap, 1e-7));
  }
  return most;
}

function columns({ items, depth }: Placed, level: Int32Array, measure: Measure): Float64Array {
  const wide = new Float64Array(depth + 1);
  for (let i = 0; i < items.n; i++) wide[level[i]!] = Math.max(wide[level[i]!]!, measure.column?.(i) ?? 60);
  const at = new Float64Array(depth + 1);
  for (let l = 2; l <= depth; l++) at[l] = at[l - 1]! + Math.min(260, wide[l - 1]! + 44);
  return at;
}

/** Arcs as long as their counts ask for and their neighbours allow. */
function arcs({ items, rings }: Placed, radius: Float64Array, round: boolean): Float64Array {
  const half = new Float64Array(items.n);
  rings.forEach((ring, l) => {
    const unit = round ? radius[l]! : 1;
    ring.items.forEach((item, at) => {
      if (items.kind[item] !== GROUP) return;
      let most = halfArc(items.size[item]!, round);
      for (const [i, other] of [[at, at + 1], [at - 1, at - 1]] as const) {
        if (!round && (i < 0 || other < 0 || other >= ring.size)) continue;
        const n = ring.size, next = ring.items[(other + n) % n]!;
        if (next === item) continue;
        const gap = ring.gap((i + n) % n);
        const two = items.kind[next] === GROUP;
        most = Math.min(most, two ? (gap - 12 / unit) / 2 : gap - 20 / unit);
      }
      half[item] = Math.max(most, 8 / unit);
    });
  });
  return half;
}

/** Runs of neighbours on a ring that are members of one opened group. */
function bands({ rings, angle }: Placed, items: Items): Stretch[] {
  const found: Stretch[] = [];
  rings.forEach((ring, l) => {
    let run: Stretch | null = null;
    for (const item of ring.items) {
      const of = items.band[item]!;
      if (run && of === run.of) run.high = angle[item]!;
      else {
        run = of >= 0 ? { of, low: angle[item]!, high: angle[item]!, first: l, last: l, depth: 0 } : null;
        if (run) found.push(run);
      }
    }
    const first = found.find((each) => each.first === l);
    // the last and the first run of a circle may be one
    if (run && first && run !== first && first.of === run.of && items.band[ring.items[0]!] === run.of && ring.gap(ring.size - 1) < 1) {
      run.high = first.high + TURN;
      found.splice(found.indexOf(first), 1);
    }
  });
  return found;
}

function wedges({ angle }: Placed, items: Items, level: Int32Array, radius: Float64Array, round: boolean): Stretch[] {
  const all = items.scopes.map((scope) => [...scope.members]);
  for (let s = all.length - 1; s >= 0; s--) if (items.scopes[s]!.parent >= 0) all[items.scopes[s]!.parent]!.push(...all[s]!);
  const found: Stretch[] = [];
  all.forEach((members, of) => {
    if (!members.length) return;
    const ref = angle[members[0]!]!;
    let low = 0, high = 0, first = Infinity, last = 0;
    for (const m of members) {
      const pad = round ? 15 / radius[level[m]!]! : 15;
      const off = round ? way(ref, angle[m]!) : angle[m]! - ref;
      low = Math.min(low, off - pad);
      high = Math.max(high, off + pad);
      first = Math.min(first, level[m]!);
      last = Math.max(last, level[m]!);
    }
    let depth = 0;
    for (let s = items.scopes[of]!.parent; s >= 0; s = items.scopes[s]!.parent) depth += 1;
    found.push({ of, low: ref + low, high: ref + high, first, last, depth });
  });
  return found.sort((a, b) => a.depth - b.depth);
}
