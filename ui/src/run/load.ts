// How many steps ran at once, by pixel column; and what befell them that is shown on the line.
import { driven, FLOW, HIDDEN, MAP, type Picture } from "./picture";

/** Of some steps how many ran, on average, in each of `columns` columns; `x` gives a time's place among them. */
export function load(of: Picture, steps: Iterable<number>, columns: number, x: (at: number) => number, slot = ""): Float32Array {
  const change = new Float64Array(columns + 2);
  const add = (began: number, ended: number) => {
    for (const [begin, end] of driven(of, began, ended)) {
      const from = Math.max(0, Math.min(columns, x(begin))), to = Math.max(0, Math.min(columns, x(end)));
      if (!(to > from)) continue;
      put(change, from, 1);
      put(change, to, -1);
    }
  };
  for (const i of steps) {
    if ((of.flags[i] ?? 0) & (FLOW | HIDDEN) || (slot && !of.slots.get(i)?.includes(slot))) continue;
    const spans = of.spans.get(i);
    if (!spans) { if (!((of.flags[i] ?? 0) & MAP) || of.began[i]! >= 0) add(of.began[i]!, of.ended[i]!); }
    else for (const each of spans) if (each.outcome !== "waiting") add(each.began, each.ended);
  }
  const found = new Float32Array(columns);
  let level = 0;
  for (let column = 0; column < columns; column += 1) {
    level += change[column]!;
    found[column] = Math.max(0, level);
  }
  return found;
}

/** One more from the place on: the column that it is in takes a part of it. */
function put(change: Float64Array, place: number, by: number): void {
  const column = Math.floor(place), part = place - column;
  change[column]! += by * (1 - part);
  change[column + 1]! += by * part;
}

export function* all(of: Picture): Generator<number> {
  for (let i = 0; i < of.n; i += 1) yield i;
}

/** When attempts failed, in seconds. */
export function failures(of: Picture, steps: Iterable<number>, failed: number): number[] {
  const found: number[] = [];
  for (const i of steps) {
    if ((of.flags[i] ?? 0) & (FLOW | HIDDEN)) continue;
    const spans = of.spans.get(i);
    if (spans) for (const each of spans) { if (each.outcome === "failed") found.push(each.ended); }
    else if (of.status[i] === failed && of.ended[i]! >= 0) found.push(of.ended[i]!);
  }
  return found.filter((each) => each <= of.until);
}
