// Where items stand: levels outwards, sectors by kinship, rings without overlaps; what was placed is kept. No DOM.
import { ELEMENT, FLOW, GROUP, type Items } from "./items";
import { Levels } from "./levels";
import { Ring } from "./ring";
import { meanAngle, separate, separateCircle, TURN } from "./separate";
import { untangle } from "./untangle";

/** The nominal half side that angles are found for: they are the same on every screen. */
export const NOMINAL = 320;
export const FIRST = 0.17; // the innermost ring, as a part of the half side
const LEAST_GAP = 22;
const START = -2.62; // 10 o'clock
const JOINS = 8; // an item with more predecessors is a fan-in
const EXCHANGED = 4000; // items above which crossings are not looked for

/** How the plane is measured: by angles around a middle (Radar), or by rows (Graph). */
export interface Plane {
  round: boolean;
}

export interface Placed {
  items: Items;
  levels: Levels;
  depth: number;
  angle: Float64Array; // of each item; rows in pixels where the plane is not round
  rings: Ring[]; // by level
  anchor: Int32Array; // the item that it hangs on; -1 for none
}

/** Half the arc of a closed group of `size` steps: an angle, or half the length of its bar in rows. */
export function halfArc(size: number, round: boolean): number {
  const digits = Math.log10(Math.max(1, size));
  return round ? Math.min(1.35, 0.34 + 0.36 * digits) / 2 : Math.min(60, 14 + 14 * digits);
}

/** Places all items, batch by batch: what a batch adds never moves what stands already. */
export function place(items: Items, plane: Plane): Placed {
  const placing = new Placing(items, plane.round);
  let item = 0, edge = 0;
  for (let batch = 0; batch < items.batches; batch++) {
    const first = item;
    while (item < items.n && items.batch[item]! <= batch) item++;
    const edges: [number, number][] = [];
    for (; edge < placing.order.length && items.edgeBatch[placing.order[edge]!]! <= batch; edge++) {
      const e = placing.order[edge]!;
      edges.push([items.from[e]!, items.to[e]!]);
    }
    if (item > first || edges.length) placing.add(first, item, edges);
  }
  return placing.placed();
}

/** Nodes of the tree that a batch is laid out by: items, and opened subflows, which stand after all items. */
class Placing {
  readonly order: Int32Array; // edges by batch
  private readonly levels = new Levels();
  private readonly angle: Float64Array;
  private readonly anchor: Int32Array;
  private readonly rings: Ring[] = [];
  private readonly ringOf: Int32Array; // the level whose ring an item stands on
  private readonly width: Float64Array;
  private readonly offset: Float64Array; // of a node's middle from the middle of what it hangs on
  private readonly middle: Float64Array; // of opened subflows
  private readonly hangs: Int32Array; // node that a node hangs on; -1 for none
  private depth = 0;
  private spread = 0; // how much more room than needed the circle gave to the first batch

  constructor(private readonly items: Items, private readonly round: boolean) {
    const nodes = items.n + items.scopes.length;
    this.angle = new Float64Array(items.n).fill(NaN);
    this.anchor = new Int32Array(items.n).fill(-1);
    this.ringOf = new Int32Array(items.n);
    this.width = new Float64Array(nodes);
    this.offset = new Float64Array(nodes).fill(NaN);
    this.middle = new Float64Array(items.scopes.length).fill(NaN);
    this.hangs = new Int32Array(nodes).fill(-1);
    this.order = Int32Array.from([...items.edgeBatch.keys()].sort((a, b) => items.edgeBatch[a]! - items.edgeBatch[b]! || a - b));
  }

  placed(): Placed {
    const { items, levels, depth, angle, rings, anchor } = this;
    return { items, levels, depth, angle, rings, anchor };
  }

  add(first: number, end: number, edges: [number, number][]): void {
    const raised = this.levels.add(end, edges);
    for (let i = first; i < end; i++) this.depth = Math.max(this.depth, this.levels.level[i]!);
    for (const each of raised) {
      this.rings[this.ringOf[each]!]?.remove(each);
      this.depth = Math.max(this.depth, this.levels.level[each]!);
    }
    for (const each of raised) this.insert([each], [this.angle[each]!]);
    if (end > first) this.layOut(first, end);
  }

  /** Pixels to an angle of one (Radar) or to a row (Graph) on a level's ring, before rings are given their room. */
  private unit(level: number): number {
    if (!this.round) return 1;
    const gap = this.depth > 1 ? Math.max(LEAST_GAP, (NOMINAL * (1 - FIRST)) / (this.depth - 1)) : 0;
    return NOMINAL * FIRST + gap * (level - 1);
  }

  /** The pixels that an item takes of its ring. */
  private room(item: number): number {
    const kind = this.items.kind[item]!;
    if (kind === GROUP) {
      const unit = this.unit(this.levels.level[item]!);
      return 2 * halfArc(this.items.reserve[item]!, this.round) * unit + 24;
    }
    return kind === ELEMENT ? (this.round ? 15 : 18) : kind === FLOW ? 44 : 26;
  }

  private layOut(first: number, end: number): void {
    const tree = this.hang(first, end);
    this.measure(tree);
    this.roots(tree, first);
    if (end - first > 2 && end - first <= EXCHANGED) {
      const { items, levels, hangs, offset } = this;
      untangle({ tree, items, levels, hangs, offset, spread: (node) => this.spreadOut(node, tree), first, end });
    }
    const rows = new Map<number, number[]>();
    for (const node of tree.order) {
      if (node >= this.items.n || tree.feeders.has(node)) continue;
      const level = this.levels.level[node]!;
      const row = rows.get(level);
      if (row) row.push(node);
      else rows.set(level, [node]);
    }
    for (const level of [...rows.keys()].sort((a, b) => a - b)) this.ring(rows.get(level)!);
    for (const feeder of tree.feeders) {
      const fed = this.levels.succs[feeder]!.map((each) => this.angle[each]!).filter((each) => !Number.isNaN(each));
      this.insert([feeder], [fed.length ? this.mean(fed) : 0]);
    }
  }

  private mean(of: number[]): number {
    return this.round ? meanAngle(of) : of.reduce((sum, each) => sum + each, 0) / of.length;
  }

  /** What each new item hangs on: the deepest of what it waits for, in a subflow only members of it. */
  private hang(first: number, end: number): Tree {
    const { items, levels, hangs } = this;
    const base = items.n;
    const tree: Tree = { children: new Map(), order: [], feeders: new Set(), free: new Set(), roots: [] };
    const scopes = new Map<number, number>(); // new opened subflows, with their least level
    for (let i = first; i < end; i++) {
      for (let s = items.scope[i]!; s >= 0; s = items.scopes[s]!.parent) {
        if (Number.isNaN(this.offset[base + s]!)) scopes.set(s, Math.min(scopes.get(s) ?? Infinity, levels.level[i]!));
      }
    }
    const inside = (item: number, scope: number): boolean => {
      for (let s = items.scope[item]!; s >= 0; s = items.scopes[s]!.parent) if (s === scope) return true;
      return scope < 0;
    };
    const deepest = (of: readonly number[], scope: number, below: number): number => {
      let best = -1;
      for (const p of of) {
        if (!inside(p, scope) || levels.level[p]! >= below) continue;
        if (best < 0 || levels.level[p]! > levels.level[best]! || (levels.level[p] === levels.level[best] && p < best)) best = p;
      }
      return best;
    };
    for (let i = first; i < end; i++) {
      const scope = items.scope[i]!;
      const on = deepest(levels.preds[i]!, scope, Infinity);
      this.anchor[i] = on;
      hangs[i] = on >= 0 ? on : scope >= 0 ? base + scope : -1;
      if (levels.preds[i]!.length > JOINS) tree.free.add(i);
    }
    for (const [s, least] of scopes) {
      const outer: number[] = [];
      for (const m of items.scopes[s]!.members) {
        if (m < end && levels.level[m] === least) outer.push(...levels.preds[m]!);
      }
      const around = items.scopes[s]!.parent;
      const on = deepest(outer, around, least);
      hangs[base + s] = on >= 0 ? on : around >= 0 ? base + around : -1;
      this.offset[base + s] = 0;
    }
    this.grow(tree, [...scopes.keys()].map((s) => base + s), first, end);
    return tree;
  }

  /** The tree of a batch in the order of what hangs on what, and the items that take no room of their own in it. */
  private grow(tree: Tree, scopes: number[], first: number, end: number): void {
    const { levels, hangs } = this;
    const starts: number[] = [];
    const fresh = new Set(scopes);
    const held = new Set<number>();
    for (let i = first; i < end; i++) if (hangs[i]! >= 0) held.add(hangs[i]!);
    for (const s of scopes) if (hangs[s]! >= 0) held.add(hangs[s]!);
    const nodes: number[] = [];
    for (let i = first; i < end; i++) nodes.push(i);
    // a subflow stands where its first member does
    const at = new Map<number, number>(scopes.map((s) => [s, Math.min(...this.items.scopes[s - this.items.n]!.members, Infinity)]));
    nodes.push(...scopes);
    nodes.sort((a, b) => (at.get(a) ?? a) - (at.get(b) ?? b) || b - a);
    for (const node of nodes) {
      const on = hangs[node]!;
      const lone = node < this.items.n && on < 0 && !held.has(node) && levels.succs[node]!.length > 0;
      const feeds = lone && !levels.preds[node]!.length && levels.succs[node]!.every((s) => levels.preds[s]!.length <= JOINS);
      if (feeds) tree.feeders.add(node);
      const local = (on >= first && on < end) || fresh.has(on);
      if (local && !tree.free.has(node)) {
        const list = tree.children.get(on);
        if (list) list.push(node);
        else tree.children.set(on, [node]);
      } else starts.push(node);
    }
    if (starts.every((each) => tree.feeders.has(each) || tree.free.has(each))) tree.feeders.clear();
    for (const each of starts) tree.order.push(each);
    for (let i = 0; i < tree.order.length; i++) for (const each of tree.children.get(tree.order[i]!) ?? []) tree.order.push(each);
    tree.roots.push(...starts.filter((each) => !tree.feeders.has(each) && !tree.free.has(each)));
  }

  /** The room of each subtree: its own, or that of all that hangs on it. */
  private measure(tree: Tree): void {
    for (let at = tree.order.length - 1; at >= 0; at--) {
      const node = tree.order[at]!;
      let inner = 0;
      for (const child of tree.children.get(node) ?? []) inner += this.width[child]!;
      const own = node < this.items.n ? this.asked(node) / this.unit(this.levels.level[node]!) : 0;
      this.width[node] = Math.max(own, inner);
      this.offset[node] = 0;
    }
  }

  private asked(item: number): number {
    const kind = this.items.kind[item]!;
    return kind === ELEMENT ? (this.round ? 21 : 20) : kind === GROUP ? this.room(item) + 6 : kind === FLOW ? 48 : 34;
  }

  /** Gives the roots of the first batch their share of the circle; later ones stand near what they hang on. */
  private roots(tree: Tree, first: number): void {
    const main = tree.roots;
    const total = main.reduce((sum, each) => sum + this.width[each]!, 0);
    if (first === 0 || !this.spread) this.spread = this.round ? Math.min(2.1, (TURN * 0.97) / Math.max(total, 1e-9)) : 1;
    const k = first === 0 ? this.spread : Math.min(1, this.spread);
    for (const node of tree.order) this.width[node]! *= k;
    for (const node of tree.order) this.spreadOut(node, tree);
    const old = new Map<number, number[]>();
    for (const each of main) {
      const on = this.hangs[each]!;
      const list = old.get(on);
      if (list) list.push(each);
      else old.set(on, [each]);
    }
    for (const [on, list] of old) {
      const sum = list.reduce((s, each) => s + this.width[each]!, 0);
      let from = on >= 0 ? -sum / 2 : first === 0 ? (this.round ? START : 0) : this.emptiest() - sum / 2;
      for (const each of list) {
        this.offset[each] = from + this.width[each]! / 2;
        from += this.width[each]!;
      }
    }
  }

  private emptiest(): number {
    const ring = this.rings[1];
    if (!ring?.size) return this.round ? START : 0;
    return ring.emptiest();
  }

  /** Puts what hangs on a node side by side about its middle. */
  private spreadOut(node: number, tree: Tree): void {
    const list = tree.children.get(node);
    if (!list) return;
    let from = -list.reduce((sum, each) => sum + this.width[each]!, 0) / 2;
    for (const each of list) {
      this.offset[each] = from + this.width[each]! / 2;
      from += this.width[each]!;
    }
  }

  /** The angle that a node would stand at if it had its ring for itself. */
  private wanted(node: number): number {
    if (node < this.items.n && this.levels.preds[node]!.length > JOINS) {
      const of = this.levels.preds[node]!.map((each) => this.angle[each]!).filter((each) => !Number.isNaN(each));
      if (of.length) return this.mean(of);
    }
    const on = this.hangs[node]!;
    return (on < 0 ? 0 : on < this.items.n ? this.angle[on]! || 0 : this.centre(on)) + this.offset[node]!;
  }

  private centre(scope: number): number {
    const s = scope - this.items.n;
    if (Number.isNaN(this.middle[s]!)) this.middle[s] = this.wanted(scope);
    return this.middle[s]!;
  }

  /** Places the new items of one level. */
  private ring(row: number[]): void {
    const level = this.levels.level[row[0]!]!;
    const wanted = row.map((each) => this.wanted(each));
    if (this.rings[level]?.size) return this.blocks(row, wanted);
    const unit = this.unit(level);
    const room = row.map((each) => this.room(each) / unit);
    const angles = this.round ? separateCircle(wanted, room) : inLine(wanted, room);
    const ring = (this.rings[level] = new Ring(this.round));
    row.forEach((item, i) => {
      this.angle[item] = ring.norm(angles[i]!);
      this.ringOf[item] = level;
    });
    ring.fill(row, row.map((item) => this.angle[item]!));
  }

  /** On a ring with older items: each group's members together, in the nearest gap that has room for them. */
  private blocks(row: number[], wanted: number[]): void {
    const by = [...row.keys()].sort((a, b) => wanted[a]! - wanted[b]! || a - b);
    let block: number[] = [];
    const done = () => {
      if (block.length) this.insert(block.map((i) => row[i]!), block.map((i) => wanted[i]!));
      block = [];
    };
    for (const i of by) {
      const band = this.items.band[row[i]!]!;
      if (block.length && (band < 0 || band !== this.items.band[row[block[0]!]!])) done();
      block.push(i);
    }
    done();
  }

  private insert(list: number[], wanted: number[]): void {
    const level = this.levels.level[list[0]!]!;
    const ring = (this.rings[level] ??= new Ring(this.round));
    const unit = this.unit(level);
    const half = (item: number) => this.room(item) / 2 / unit;
    const places = ring.insert(list, wanted, half);
    list.forEach((item, i) => {
      this.angle[item] = places[i]!;
      this.ringOf[item] = level;
    });
  }
}

export interface Tree {
  children: Map<number, number[]>;
  order: number[]; // parents first
  roots: number[];
  feeders: Set<number>; // tributaries: they stand by what they feed
  free: Set<number>; // fan-ins: they stand amid what they join
}

function inLine(wanted: readonly number[], room: readonly number[]): number[] {
  const order = [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]! || a - b);
  const apart = order.map((item, i) => (i ? (room[order[i - 1]!]! + room[item]!) / 2 : 0));
  const out = new Array<number>(wanted.length);
  separate(order.map((item) => wanted[item]!), apart).forEach((at, i) => (out[order[i]!] = at));
  return out;
}
