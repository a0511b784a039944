// Edges out, along a lane, and in: what leaves one item shares its lane, what a fan-in joins shares another. No DOM.
import type { Layout } from "./layout";
import { TURN, way } from "./separate";

const CLEAR = 13; // pixels that an edge keeps from the middle of marks on the rings that it passes
const JOINS = 8;

/** Edge `e` passes `turns[e]` (angles on each ring from its source to its end) and changes them at radii `lanes[e]`. */
export interface Routes {
  turns: Float64Array[];
  lanes: Float64Array[]; // one a gap; NaN where it goes straight
  bus: Int32Array; // edges of one bus are stroked together
  buses: number;
}

interface Lane {
  low: number;
  high: number;
  from: number; // the angle that low and high are counted from
  users: [number, number][]; // edge, gap within it
}

/** Routes all edges that go outwards; those that close loops are none of them. */
export function route(layout: Layout): Routes {
  const { items, level, radius, depth } = layout;
  const edges = items.from.length;
  const turns: Float64Array[] = [], lanes: Float64Array[] = [];
  const bus = new Int32Array(edges);
  const numbers = new Map<number, number>();
  const gaps: Map<number, Lane>[] = Array.from({ length: depth + 1 }, () => new Map<number, Lane>());
  for (let e = 0; e < edges; e++) {
    const a = items.from[e]!, b = items.to[e]!;
    const joins = layout.preds[b]!.length > JOINS;
    const of = joins ? items.n + b : a;
    bus[e] = numbers.get(of) ?? numbers.set(of, numbers.size).size - 1;
    const at = level[b]! > level[a]! ? passes(layout, a, b, joins) : new Float64Array();
    turns.push(at);
    lanes.push(new Float64Array(Math.max(0, at.length - 1)).fill(NaN));
    for (let g = 0; g + 1 < at.length; g++) {
      const moved = layout.round ? way(at[g]!, at[g + 1]!) : at[g + 1]! - at[g]!;
      if (Math.abs(moved) * (layout.round ? radius[level[a]! + g]! : 1) < 1.2) continue;
      take(gaps[level[a]! + g]!, of, at[g]!, moved, layout.round, [e, g]);
    }
  }
  gaps.forEach((found, l) => stack([...found.values()], layout, l, lanes));
  return { turns, lanes, bus, buses: numbers.size };
}

/** The angles at which an edge passes the rings from its source to its target. */
function passes(layout: Layout, a: number, b: number, joins: boolean): Float64Array {
  const { level, angle, half, round } = layout;
  const first = level[a]!, last = level[b]!;
  const off = round ? way(angle[a]!, angle[b]!) : angle[b]! - angle[a]!;
  const most = half[a]! * 0.8;
  const out = angle[a]! + Math.max(-most, Math.min(most, off));
  const rest = round ? way(angle[b]!, out) : out - angle[b]!;
  const room = half[b]! * 0.8;
  const into = angle[b]! + Math.max(-room, Math.min(room, rest));
  const at = new Float64Array(last - first + 1);
  at[0] = out;
  at[last - first] = into;
  for (let l = first + 1; l < last; l++) at[l - first] = clear(layout, l, joins ? at[l - first - 1]! : into);
  return at;
}

/** The angle nearest to the wanted one at which a ring can be passed between its marks. */
function clear(layout: Layout, l: number, wanted: number): number {
  const { rings, radius, half, round } = layout;
  const ring = rings[l];
  if (!ring?.size) return wanted;
  const unit = round ? radius[l]! : 1;
  const room = (at: number) => half[ring.items[at]!]! + CLEAR / unit;
  const n = ring.size;
  const want = ring.norm(wanted);
  const begin = ring.find(want);
  let best = wanted, least = Infinity;
  for (let k = 0; k <= Math.min(n, 40); k++) {
    for (const i of k ? [begin + k, begin - k] : [begin]) {
      if (!round && (i < 0 || i > n)) continue;
      // the gap before item i
      const turns = round ? Math.floor(i / n) * TURN : 0;
      const at = ((i % n) + n) % n;
      const before = (at - 1 + n) % n;
      const low = !round && i === 0 ? -Infinity : ring.at[before]! + turns - (round && at === 0 ? TURN : 0) + room(before);
      const high = !round && i === n ? Infinity : ring.at[at]! + turns - room(at);
      if (low > high) continue;
      const place = Math.max(low, Math.min(high, want));
      if (Math.abs(place - want) < least) {
        least = Math.abs(place - want);
        best = place;
      }
    }
    if (least < Infinity && k > 2) break;
  }
  return best;
}

function take(gap: Map<number, Lane>, of: number, at: number, moved: number, round: boolean, user: [number, number]): void {
  let lane = gap.get(of);
  if (!lane) gap.set(of, (lane = { from: at, low: 0, high: 0, users: [] }));
  const begin = round ? way(lane.from, at) : at - lane.from;
  lane.low = Math.min(lane.low, begin, begin + moved);
  lane.high = Math.max(lane.high, begin, begin + moved);
  lane.users.push(user);
}

/** Gives the lanes of one gap their radii: the shortest innermost, none on another that it would touch. */
function stack(found: Lane[], { radius, round, depth }: Layout, l: number, lanes: Float64Array[]): void {
  found.sort((p, q) => p.high - p.low - (q.high - q.low));
  const rows: Lane[][] = [];
  const pad = round ? 8 / Math.max(1, radius[l]!) : 8;
  const row = found.map((lane) => {
    let r = 0;
    while (rows[r]?.some((other) => touch(lane, other, pad, round))) r++;
    (rows[r] ??= []).push(lane);
    return r;
  });
  const inner = radius[l]!, outer = l < depth ? radius[l + 1]! : inner + 40;
  // in columns names stand beside the marks, so lanes keep to the end of a column
  const [low, high] = round ? [0.36, 0.66] : [1 - 40 / Math.max(60, outer - inner), 1 - 14 / Math.max(60, outer - inner)];
  found.forEach((lane, i) => {
    const part = rows.length === 1 ? (low + high) / 2 : low + ((high - low) * row[i]!) / (rows.length - 1);
    for (const [e, g] of lane.users) lanes[e]![g] = inner + (outer - inner) * part;
  });
}

function touch(p: Lane, q: Lane, pad: number, round: boolean): boolean {
  const off = q.from - p.from;
  for (const turn of round ? [-2 * TURN, -TURN, 0, TURN, 2 * TURN] : [0]) {
    if (p.low - pad < q.high + off + turn && p.high + pad > q.low + off + turn) return true;
  }
  return false;
}
