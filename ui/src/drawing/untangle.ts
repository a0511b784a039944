// Fewer crossings: the order of what hangs on one item follows the middle of what else it is joined with. No DOM.
import type { Items } from "./items";
import type { Levels } from "./levels";
import type { Tree } from "./place";

interface Tangle {
  tree: Tree;
  items: Items;
  levels: Levels;
  hangs: Int32Array;
  offset: Float64Array;
  spread: (node: number) => void; // puts the children of a node at their offsets in the order that they have now
  first: number;
  end: number;
}

const SWEEPS = 4;
const WORK = 150_000; // edges counted for exchanges of two neighbours, in all

/** Reorders the children in a batch's tree as long as that lowers the number of crossings. Elements keep their order. */
export function untangle(of: Tangle): void {
  const parents = [...of.tree.children].filter(([, list]) => list.length > 1).map(([node]) => node);
  if (!parents.length) return;
  const count = new Count(of);
  let least = count.all();
  for (let sweep = 0; sweep < SWEEPS && least > 0; sweep++) {
    const before = new Map(parents.map((node) => [node, [...of.tree.children.get(node)!]]));
    for (const node of parents) count.sort(node);
    const now = count.all();
    if (now < least) {
      least = now;
      continue;
    }
    for (const [node, list] of before) count.set(node, list);
    break;
  }
  exchange(of, parents, count, count.all());
}

/** Exchanges two neighbours wherever that lowers the count. */
function exchange(of: Tangle, parents: number[], count: Count, least: number): void {
  let work = WORK;
  for (const node of parents) {
    const list = of.tree.children.get(node)!;
    for (let i = 0; i + 1 < list.length && least > 0 && work > 0; i++) {
      if (count.band(list[i]!) >= 0 && count.band(list[i]!) === count.band(list[i + 1]!)) continue;
      const changed = [...list];
      [changed[i], changed[i + 1]] = [list[i + 1]!, list[i]!];
      count.set(node, changed);
      const now = count.all();
      work -= count.edges;
      if (now < least) least = now;
      else count.set(node, [...list]);
      list.splice(0, list.length, ...of.tree.children.get(node)!);
      of.tree.children.set(node, list);
    }
    of.spread(node);
  }
}

class Count {
  private readonly at = new Map<number, number>();
  private readonly pairs: [number, number][] = [];

  constructor(private readonly of: Tangle) {
    for (let i = of.first; i < of.end; i++) for (const p of of.levels.preds[i]!) if (p >= of.first) this.pairs.push([p, i]);
  }

  get edges(): number {
    return this.pairs.length + 1;
  }

  band(node: number): number {
    return node < this.of.items.n ? this.of.items.band[node]! : -1;
  }

  /** Crossings in all gaps, as the tree stands now: edges bend in their first gap and go straight on from there. */
  all(): number {
    this.walk();
    const { level } = this.of.levels;
    const gaps = new Map<number, [number, number][]>();
    for (const [a, b] of this.pairs) {
      const end = this.at.get(b)!;
      for (let g = level[a]!; g < Math.min(level[b]!, level[a]! + 8); g++) {
        const list = gaps.get(g);
        const piece: [number, number] = [g === level[a] ? this.at.get(a)! : end, end];
        if (list) list.push(piece);
        else gaps.set(g, [piece]);
      }
    }
    let sum = 0;
    for (const list of gaps.values()) {
      list.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
      sum += inversions(list.map((each) => each[1]));
    }
    return sum;
  }

  private walk(): void {
    const { tree, hangs, offset } = this.of;
    for (const node of tree.order) this.at.set(node, (this.at.get(hangs[node]!) ?? 0) + offset[node]!);
  }

  set(node: number, list: number[]): void {
    this.of.tree.children.set(node, list);
    this.of.spread(node);
  }

  /** Sorts what hangs on a node by the middle of what else each child, with all inside it, is joined with. */
  sort(node: number): void {
    this.walk();
    const list = this.of.tree.children.get(node)!;
    const keys = new Map<number, number>();
    const bands = new Map<number, number[]>();
    for (const child of list) {
      const key = this.pull(child, node);
      keys.set(child, key);
      const band = this.band(child);
      if (band >= 0) bands.set(band, [...(bands.get(band) ?? []), key]);
    }
    for (const child of list) {
      const same = bands.get(this.band(child));
      if (same) keys.set(child, same.reduce((sum, each) => sum + each, 0) / same.length);
    }
    const place = new Map(list.map((child, i) => [child, i]));
    this.set(node, [...list].sort((a, b) => keys.get(a)! - keys.get(b)! || place.get(a)! - place.get(b)!));
  }

  private pull(child: number, node: number): number {
    const { levels, items, tree } = this.of;
    let sum = 0, found = 0;
    const inside = new Set<number>();
    const todo = [child];
    for (let each = todo.pop(); each !== undefined && inside.size < 200; each = todo.pop()) {
      inside.add(each);
      todo.push(...(tree.children.get(each) ?? []));
    }
    for (const each of inside) {
      if (each >= items.n) continue;
      for (const other of [...levels.preds[each]!, ...levels.succs[each]!]) {
        const at = this.at.get(other);
        if (other === node || inside.has(other) || at === undefined || tree.feeders.has(other)) continue;
        sum += at;
        found += 1;
      }
    }
    return found ? sum / found : this.at.get(child)!;
  }
}

/** How many pairs of a list stand in the wrong order: by merging, in O(n log n). */
export function inversions(list: readonly number[]): number {
  let from = [...list], to = new Array<number>(list.length), sum = 0;
  for (let size = 1; size < from.length; size *= 2) {
    for (let low = 0; low < from.length; low += 2 * size) {
      const mid = Math.min(low + size, from.length), high = Math.min(low + 2 * size, from.length);
      let a = low, b = mid;
      for (let k = low; k < high; k++) {
        if (b >= high || (a < mid && from[a]! <= from[b]!)) to[k] = from[a++]!;
        else {
          sum += mid - a;
          to[k] = from[b++]!;
        }
      }
    }
    [from, to] = [to, from];
  }
  return sum;
}
