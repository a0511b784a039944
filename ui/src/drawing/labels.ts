// Where names stand: beside their marks, on no mark and on no other name; the hot ones wherever they hide least. No DOM.

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** A name that asks for a place. Candidates are in the order in which they are liked. */
export interface Asking {
  item: number;
  w: number;
  h: number;
  candidates: readonly (readonly [number, number])[];
  must: boolean; // it takes the place that hides least where none is free
}

const CELL = 48;

/** Boxes that are taken, in cells, so that looking at a place costs what is near it. */
export class Taken {
  private readonly cells = new Map<number, Box[]>();

  add(box: Box): void {
    this.each(box, (key) => {
      const list = this.cells.get(key);
      if (list) list.push(box);
      else this.cells.set(key, [box]);
      return false;
    });
  }

  /** How much of a place is taken. */
  covered(box: Box): number {
    let sum = 0;
    const seen = new Set<Box>();
    this.each(box, (key) => {
      for (const other of this.cells.get(key) ?? []) {
        const w = Math.min(box.x + box.w, other.x + other.w) - Math.max(box.x, other.x);
        const h = Math.min(box.y + box.h, other.y + other.h) - Math.max(box.y, other.y);
        if (w > 0 && h > 0 && !seen.has(other)) sum += w * h;
        seen.add(other);
      }
      return false;
    });
    return sum;
  }

  private each(box: Box, act: (key: number) => boolean): void {
    for (let i = Math.floor(box.x / CELL); i <= Math.floor((box.x + box.w) / CELL); i++) {
      for (let j = Math.floor(box.y / CELL); j <= Math.floor((box.y + box.h) / CELL); j++) act(i * 100_003 + j);
    }
  }
}

/** The places of those that have one, in the order asked; `kept` is where each stood before, by number of candidate. */
export function placeNames(asking: readonly Asking[], taken: Taken, kept: Map<number, number>): Map<number, Box> {
  const found = new Map<number, Box>();
  for (const { item, w, h, candidates, must } of asking) {
    const before = kept.get(item);
    const order = [...candidates.keys()];
    if (before !== undefined && before < order.length) order.unshift(before);
    let best = -1, least = Infinity;
    for (const i of order) {
      const [x, y] = candidates[i]!;
      const hides = taken.covered({ x: x - 2, y, w: w + 4, h });
      if (hides < least) {
        least = hides;
        best = i;
      }
      if (!hides) break;
    }
    if (best < 0 || (least > 0 && !must)) continue;
    const [x, y] = candidates[best]!;
    const box = { x, y, w, h };
    found.set(item, box);
    kept.set(item, best);
    taken.add({ x: x - 2, y, w: w + 4, h });
  }
  return found;
}

/** The eight places about a mark: outward side first, then inward, above, below, and the four corners. */
export function about(x: number, y: number, away: number, w: number, h: number, right: boolean, upper: boolean): [number, number][] {
  const side = (r: boolean): number => (r ? x + away : x - away - w);
  const high = (u: boolean): number => (u ? y - away - h + 2 : y + away - 2);
  const corner = (r: boolean): number => (r ? x + away - 3 : x - away - w + 3);
  return [
    [side(right), y - h / 2], [side(!right), y - h / 2], [x - w / 2, high(upper)], [x - w / 2, high(!upper)],
    [corner(right), y - h - 3], [corner(right), y + 3], [corner(!right), y - h - 3], [corner(!right), y + 3],
  ];
}
