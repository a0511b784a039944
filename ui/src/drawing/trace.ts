// What an item depends on and what depends on it; which item is under the pointer; the next one along a ring. No DOM.
import { GROUP } from "./items";
import type { Layout } from "./layout";
import { way } from "./separate";

/** 1: it is depended on, 2: it depends, 3: the item itself; 0 for all others. */
export function traced(layout: Layout, item: number): Uint8Array {
  const marks = new Uint8Array(layout.items.n);
  for (const [mark, next] of [[1, layout.preds], [2, layout.succs]] as const) {
    const todo = [item];
    for (let of = todo.pop(); of !== undefined; of = todo.pop()) {
      for (const other of next[of]!) {
        if (marks[other]! & mark || other === item) continue;
        marks[other]! |= mark;
        todo.push(other);
      }
    }
  }
  marks[item] = 3;
  return marks;
}

/** Whether an edge lies on the way: both of its ends depend on the item, or are depended on. */
export function onTrace(marks: Uint8Array, a: number, b: number, item: number): boolean {
  const up = (of: number) => of === item || (marks[of]! & 1) > 0;
  const down = (of: number) => of === item || (marks[of]! & 2) > 0;
  return (up(a) && up(b)) || (down(a) && down(b));
}

/** The item at a point of the layout within `near` of its units: ring by radius, then by angle; hot ones win. */
export function hit(layout: Layout, x: number, y: number, near: number, hot: (item: number) => boolean, seen: (item: number) => boolean): number {
  const { rings, radius, angle, half, round, depth, items } = layout;
  const r = round ? Math.hypot(x, y) : x, a = round ? Math.atan2(y, x) : y;
  let best = -1, least = Infinity;
  let low = 1, high = depth;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (radius[mid]! < r - near) low = mid + 1;
    else high = mid;
  }
  for (let l = low; l <= depth && radius[l]! <= r + near; l++) {
    const ring = rings[l];
    if (!ring?.size) continue;
    const unit = round ? radius[l]! : 1;
    const at = ring.find(ring.norm(a));
    for (let k = -3; k <= 3; k++) {
      const i = round ? (((at + k) % ring.size) + ring.size) % ring.size : at + k;
      const item = ring.items[i];
      if (item === undefined || !seen(item)) continue;
      const off = Math.abs(round ? way(angle[item]!, a) : a - angle[item]!);
      const along = Math.max(0, off - (items.kind[item] === GROUP ? half[item]! : 0)) * unit;
      const far = Math.hypot(along, radius[l]! - r) - (hot(item) ? near / 3 : 0);
      if (far < near && far < least) {
        least = far;
        best = item;
      }
    }
  }
  return best;
}

export type Move = "left" | "right" | "out" | "in" | "needs" | "needed";

/** The item that a key goes to from another: along the ring, to the nearest of the next ring, or along an edge. */
export function moved(layout: Layout, item: number, move: Move, seen: (item: number) => boolean): number {
  const { rings, level, angle, round, depth } = layout;
  const off = (other: number) => Math.abs(round ? way(angle[item]!, angle[other]!) : angle[other]! - angle[item]!);
  const nearest = (of: readonly number[]) => of.filter(seen).reduce((best, each) => (best < 0 || off(each) < off(best) ? each : best), -1);
  if (move === "needs" || move === "needed") return nearest(move === "needs" ? layout.preds[item]! : layout.succs[item]!);
  if (move === "out" || move === "in") {
    const step = move === "out" ? 1 : -1;
    for (let l = level[item]! + step; l >= 1 && l <= depth; l += step) {
      const found = nearest(rings[l]?.items ?? []);
      if (found >= 0) return found;
    }
    return -1;
  }
  const ring = rings[level[item]!]!;
  const at = ring.items.indexOf(item), step = move === "right" ? 1 : -1;
  for (let k = 1; k < ring.size; k++) {
    const i = at + k * step;
    if (!round && (i < 0 || i >= ring.size)) return -1;
    const next = ring.items[((i % ring.size) + ring.size) % ring.size]!;
    if (seen(next)) return next;
  }
  return -1;
}
