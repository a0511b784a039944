// Places on a line or circle that overlap nothing and move least. No DOM.
export const TURN = Math.PI * 2;

/** An angle from 0 up to a whole turn. */
export function turned(angle: number): number {
  const of = angle % TURN;
  return of < 0 ? of + TURN : of;
}

/** The shorter way from one angle to another, from minus to plus half a turn. */
export function way(from: number, to: number): number {
  const of = (to - from) % TURN;
  return of > Math.PI ? of - TURN : of < -Math.PI ? of + TURN : of;
}

/** The mean of angles on the circle. */
export function meanAngle(angles: readonly number[]): number {
  let x = 0, y = 0;
  for (const each of angles) {
    x += Math.cos(each);
    y += Math.sin(each);
  }
  return Math.hypot(x, y) < 1e-9 ? (angles[0] ?? 0) : Math.atan2(y, x);
}

/**
 * Non-decreasing `wanted` places made at least `apart[i]` from their predecessor (`apart[0]` is unused), with the least
 * sum of squared moves: pool adjacent violators, in linear time.
 */
export function separate(wanted: readonly number[], apart: readonly number[]): number[] {
  const sums: number[] = [];
  let sum = 0;
  const value: number[] = [], weight: number[] = [];
  for (let i = 0; i < wanted.length; i++) {
    if (i) sum += apart[i]!;
    sums.push(sum);
    let v = wanted[i]! - sum, w = 1;
    while (value.length && value.at(-1)! > v) {
      const u = weight.pop()!;
      v = (value.pop()! * u + v * w) / (u + w);
      w += u;
    }
    value.push(v);
    weight.push(w);
  }
  const out: number[] = [];
  value.forEach((v, block) => {
    for (let j = 0; j < weight[block]!; j++) out.push(v + sums[out.length]!);
  });
  return out;
}

/**
 * The same on a circle, cut at its largest gap. `room[i]` is the angle that an item takes; where all together take more
 * than the circle has, all are made smaller alike. Returns the angles in the order given.
 */
export function separateCircle(wanted: readonly number[], room: readonly number[]): number[] {
  const n = wanted.length;
  if (n < 2) return [...wanted];
  const order = [...wanted.keys()];
  const at = wanted.map(turned);
  order.sort((a, b) => at[a]! - at[b]! || a - b);
  let cut = 0, gap = -1;
  for (let i = 0; i < n; i++) {
    const before = i ? at[order[i - 1]!]! : at[order[n - 1]!]! - TURN;
    if (at[order[i]!]! - before > gap) {
      gap = at[order[i]!]! - before;
      cut = i;
    }
  }
  const line = [...order.slice(cut), ...order.slice(0, cut)];
  const total = room.reduce((sum, each) => sum + each, 0);
  const fit = Math.min(1, (TURN * 0.985) / total);
  const apart = line.map((item, i) => (i ? ((room[line[i - 1]!]! + room[item]!) / 2) * fit : 0));
  const places = line.map((item, i) => at[item]! + (i >= n - cut ? TURN : 0));
  const placed = separate(places, apart);
  // what was pushed over both ends of the cut is drawn together to one turn less the room between the ends
  const ends = ((room[line[0]!]! + room[line[n - 1]!]!) / 2) * fit;
  const over = placed[n - 1]! - placed[0]! - (TURN - ends);
  const out = new Array<number>(n);
  if (over > 0) tighten(placed, apart, over);
  line.forEach((item, i) => (out[item] = placed[i]!));
  return out;
}

/** Takes `over` out of the gaps that have more than they need, each by its share. */
function tighten(placed: number[], apart: readonly number[], over: number): void {
  let spare = 0;
  for (let i = 1; i < placed.length; i++) spare += placed[i]! - placed[i - 1]! - apart[i]!;
  const share = spare > 0 ? Math.min(1, over / spare) : 0;
  let moved = over / 2, before = placed[0]!;
  placed[0]! += moved;
  for (let i = 1; i < placed.length; i++) {
    moved -= Math.max(0, placed[i]! - before - apart[i]!) * share;
    before = placed[i]!;
    placed[i] = before + moved;
  }
}
