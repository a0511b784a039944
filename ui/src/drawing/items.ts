// What is drawn of a run: its steps, with groups and subflows folded or opened as the reader asked. No DOM.
import { HOT, STATUSES, TALLY, tallied } from "../core/status";
import { CHILD, FLOW as SUBFLOW, HIDDEN, MAP, PLANNED, type Picture } from "../run/picture";

export const STEP = 0;
export const GROUP = 1; // a closed group: one arc with counts
export const FLOW = 2; // a closed subflow or child run: a short double arc
export const ELEMENT = 3; // a member of an opened group

const GROUP_FROM = 4;
const OPENS_ITSELF = 24;
const FLOW_OPENS_ITSELF = 40;
const PAGE = 400;
/** Steps created within this time of one another are laid out together; later ones take the room that is left. */
const BATCH_S = 0.3;

/** A group or subflow that is shown opened: its members are items `first` to `last` of `of`. */
export interface Opened {
  key: string;
  label: string;
  parent: number; // index of the opened subflow around it, or -1
  members: number[];
}

export interface Items {
  n: number;
  key: string[];
  label: string[];
  kind: Uint8Array;
  face: Int32Array; // its first step
  size: Int32Array; // how many steps it stands for
  reserve: Int32Array; // how many of them were known when it was laid out
  band: Int32Array; // index into bands, or -1
  scope: Int32Array; // index into scopes, or -1
  batch: Int32Array;
  batches: number;
  from: Int32Array; // edges between items, once each
  to: Int32Array;
  edgeBatch: Int32Array;
  itemOf: Int32Array; // the item that shows a step; -1 for one whose members are shown instead
  bands: Opened[];
  scopes: Opened[];
  watched: number[][]; // the steps of each group that opens by itself once one of them is in trouble
}

/** How a picture's steps hang together, whatever is opened. */
interface Kin {
  parent: Int32Array; // as in the picture, without a parent that comes later
  kin: Int32Array; // number of the group of a step, or -1
  groups: { key: string; label: string; members: number[]; map: number }[];
  within: Int32Array; // how many steps are inside a step, at any depth
  trouble: Uint8Array; // by group: a member is failed, crashed, waiting or retrying
}

function groupKey(picture: Picture, step: number): string {
  return (picture.keys[step] ?? "").replace(/(\[[^\]]*\]|#\d+)$/, "");
}

function kinship(picture: Picture): Kin {
  const { n } = picture;
  const parent = new Int32Array(n);
  const within = new Int32Array(n);
  const found = new Map<number, number[]>();
  const width = picture.names.length + 1;
  for (let i = 0; i < n; i++) {
    const p = picture.parent[i]!;
    parent[i] = p >= 0 && p < i ? p : -1;
    if (picture.flags[i]! & MAP) continue; // shown by its elements
    const of = (parent[i]! + 1) * width + picture.name[i]!;
    const list = found.get(of);
    if (list) list.push(i);
    else found.set(of, [i]);
  }
  for (let i = n - 1; i > 0; i--) if (parent[i]! >= 0) within[parent[i]!]! += within[i]! + 1;
  const kin = new Int32Array(n).fill(-1);
  const groups: Kin["groups"] = [];
  for (const members of found.values()) {
    const first = members[0]!;
    const p = parent[first]!;
    const map = p >= 0 && picture.flags[p]! & MAP ? p : -1;
    if (map < 0 && members.length < GROUP_FROM) continue;
    for (const each of members) kin[each] = groups.length;
    const key = map >= 0 ? picture.keys[map]! : groupKey(picture, first);
    groups.push({ key, label: picture.names[picture.name[first]!] ?? key, members, map });
  }
  return { parent, kin, groups, within, trouble: new Uint8Array(groups.length) };
}

const HOTS = STATUSES.map((each) => HOT.has(each));

function byItself(open: ReadonlySet<string>, key: string, otherwise: boolean): boolean {
  return open.has(key) || (otherwise && !open.has(`-${key}`));
}

/**
 * The items of a picture. `open` names what is opened: keys of groups and subflows; `-KEY` for one that would open by
 * itself and was closed; `*` for all steps by themselves.
 */
export function itemsOf(picture: Picture, open: ReadonlySet<string>): Items {
  const build = new Builder(picture, open, picture.status);
  for (let i = 0; i < picture.n; i++) build.step(i);
  return build.items();
}

class Builder {
  private readonly kin: Kin;
  private readonly all: boolean;
  private readonly itemOf: Int32Array;
  private readonly folded: Int32Array; // the closed item around what is inside a step, or -1
  private readonly scopeIn: Int32Array; // the scope of what is inside a step
  private readonly groupItem = new Map<number, number>();
  private readonly bandOf = new Map<number, number>();
  private readonly pageOf = new Map<number, number>();
  private readonly key: string[] = [];
  private readonly label: string[] = [];
  private readonly kind: number[] = [];
  private readonly face: number[] = [];
  private readonly size: number[] = [];
  private readonly reserve: number[] = [];
  private readonly band: number[] = [];
  private readonly scope: number[] = [];
  private readonly batch: number[] = [];
  private readonly stepBatch: Int32Array;
  private readonly bands: Opened[] = [];
  private readonly scopes: Opened[] = [];

  constructor(
    private readonly picture: Picture,
    private readonly open: ReadonlySet<string>,
    private readonly status: Uint8Array,
  ) {
    this.kin = kinship(picture);
    this.all = open.has("*");
    this.itemOf = new Int32Array(picture.n).fill(-1);
    this.folded = new Int32Array(picture.n).fill(-1);
    this.scopeIn = new Int32Array(picture.n).fill(-1);
    this.stepBatch = batchesOf(picture);
    this.kin.groups.forEach((group, g) => this.pages(group.members, g));
  }

  /** Whether a group is open, and where it has more than a page, which of its members are on which page. */
  private pages(members: number[], g: number): void {
    for (const each of members) if (HOTS[this.status[each]!]) this.kin.trouble[g] = 1;
    if (members.length <= PAGE || this.all) return;
    const order = [...members].sort((a, b) => Number(HOTS[this.status[b]!]) - Number(HOTS[this.status[a]!]) || a - b);
    order.forEach((each, at) => this.pageOf.set(each, Math.floor(at / PAGE)));
  }

  private isOpen(g: number): boolean {
    const group = this.kin.groups[g]!;
    const itself = group.members.length <= OPENS_ITSELF && this.kin.trouble[g] === 1;
    return this.all || byItself(this.open, group.key, itself);
  }

  step(i: number): void {
    const { flags } = this.picture;
    const p = this.kin.parent[i]!;
    const around = p >= 0 ? this.folded[p]! : -1;
    this.scopeIn[i] = p >= 0 ? this.scopeIn[p]! : -1;
    if (around >= 0) return this.into(i, around);
    if (flags[i]! & MAP && !this.kin.within[i]! && this.picture.maps.has(i)) return this.unfolded(i);
    const g = this.kin.kin[i]!;
    if (g >= 0 && !this.isOpen(g)) return this.into(i, this.closed(g, i, 0));
    const page = this.pageOf.get(i) ?? 0;
    if (g >= 0 && page > 0 && !this.open.has(`${this.kin.groups[g]!.key}@${page}`)) {
      return this.into(i, this.closed(g, i, page));
    }
    const inside = this.kin.within[i]!;
    const made = flags[i]! & MAP && inside > 0;
    if (made) return; // a map is shown as its elements
    const holds = flags[i]! & (SUBFLOW | CHILD) && inside > 0;
    if (holds && i === 0) return; // the flow that the run is of is the middle itself
    if (holds && (this.all || byItself(this.open, this.picture.keys[i]!, g < 0 && inside <= FLOW_OPENS_ITSELF))) {
      return this.opened(i);
    }
    const item = this.add(i, g >= 0 ? ELEMENT : holds ? FLOW : STEP, this.picture.keys[i]!, this.named(i));
    if (g >= 0) this.joins(item, g);
    if (holds) this.folded[i] = item;
  }

  /** A map of so many elements that they are no steps of the picture: one arc with what the server counted. */
  private unfolded(i: number): void {
    const item = this.add(i, GROUP, this.picture.keys[i]!, this.named(i));
    this.itemOf[i] = item;
    this.size[item] = this.reserve[item] = this.picture.maps.get(i)?.size ?? 1;
  }

  private named(i: number): string {
    const key = this.picture.keys[i]!;
    const own = this.picture.labels.get(i);
    const last = key.slice(key.lastIndexOf("/") + 1).replace(/-0(?=\[|$)/, "");
    return own ? `${own} ${/\[[^\]]*\]$/.exec(last)?.[0] ?? ""}`.trim() : last;
  }

  private into(i: number, item: number): void {
    this.itemOf[i] = item;
    this.folded[i] = item;
    this.size[item]! += 1;
    if (this.stepBatch[i] === this.batch[item]) this.reserve[item]! += 1;
  }

  private add(i: number, kind: number, key: string, label: string): number {
    const item = this.key.length;
    this.key.push(key);
    this.label.push(label);
    this.kind.push(kind);
    this.face.push(i);
    this.size.push(kind === GROUP ? 0 : 1);
    this.reserve.push(kind === GROUP ? 0 : 1);
    this.band.push(-1);
    this.scope.push(this.scopeIn[i]!);
    this.batch.push(this.stepBatch[i]!);
    if (kind !== GROUP) this.itemOf[i] = item;
    const scope = this.scopeIn[i]!;
    if (scope >= 0) this.scopes[scope]!.members.push(item);
    return item;
  }

  /** The one item of a closed group, or of a closed page of it. */
  private closed(g: number, i: number, page: number): number {
    const of = g * 65536 + page;
    let item = this.groupItem.get(of);
    if (item === undefined) {
      const { key, label, map } = this.kin.groups[g]!;
      item = this.add(i, GROUP, page ? `${key}@${page}` : key, label);
      this.groupItem.set(of, item);
      if (map >= 0 && this.itemOf[map] === -1) this.itemOf[map] = item;
      if (page) this.joins(item, g);
    }
    return item;
  }

  private joins(item: number, g: number): void {
    if (this.all) return void (this.kind[item] = STEP);
    let band = this.bandOf.get(g);
    if (band === undefined) {
      const { key, label } = this.kin.groups[g]!;
      band = this.bands.push({ key, label, parent: this.scope[item]!, members: [] }) - 1;
      this.bandOf.set(g, band);
    }
    this.band[item] = band;
    this.bands[band]!.members.push(item);
  }

  private opened(i: number): void {
    const parent = this.scopeIn[i]!;
    const scope = this.scopes.push({ key: this.picture.keys[i]!, label: this.named(i), parent, members: [] }) - 1;
    this.scopeIn[i] = scope;
  }

  items(): Items {
    const edges = this.edges();
    return {
      n: this.key.length, key: this.key, label: this.label,
      kind: Uint8Array.from(this.kind), face: Int32Array.from(this.face), size: Int32Array.from(this.size),
      reserve: Int32Array.from(this.reserve),
      band: Int32Array.from(this.band), scope: Int32Array.from(this.scope), batch: Int32Array.from(this.batch),
      batches: (this.stepBatch.at(-1) ?? -1) + 1, itemOf: this.itemOf, bands: this.bands, scopes: this.scopes, ...edges,
      watched: this.all ? [] : this.kin.groups.map((group) => group.members).filter((each) => each.length <= OPENS_ITSELF),
    };
  }

  /** Edges between items, once each, in the order in which they were first known. */
  private edges(): { from: Int32Array; to: Int32Array; edgeBatch: Int32Array } {
    const ends = new Ends(this.picture, this.kin.parent, this.itemOf);
    const seen = new Set<number>();
    const from: number[] = [], to: number[] = [], batch: number[] = [];
    const n = this.key.length;
    for (let e = 0; e < this.picture.from.length; e++) {
      const a = this.picture.from[e]!, b = this.picture.to[e]!;
      for (const source of ends.last(a)) {
        for (const target of ends.first(b)) {
          if (source === target || source < 0 || target < 0) continue;
          const pair = source * n + target;
          if (seen.has(pair)) continue;
          seen.add(pair);
          from.push(source);
          to.push(target);
          batch.push(Math.max(this.stepBatch[a]!, this.stepBatch[b]!, this.batch[source]!, this.batch[target]!));
        }
      }
    }
    return { from: Int32Array.from(from), to: Int32Array.from(to), edgeBatch: Int32Array.from(batch) };
  }
}

/** Where edges of a step end that is shown by its members: what it waits for comes before its first ones. */
class Ends {
  private readonly inside: Map<number, number[]> | null = null;
  private readonly fed = new Set<number>();
  private readonly feeds = new Set<number>();
  private readonly memo: [Map<number, number[]>, Map<number, number[]>] = [new Map(), new Map()];

  constructor(picture: Picture, parent: Int32Array, private readonly itemOf: Int32Array) {
    for (let i = 0; i < picture.n; i++) {
      const p = parent[i]!;
      if (p < 0 || itemOf[p]! >= 0) continue;
      this.inside ??= new Map();
      const list = this.inside.get(p);
      if (list) list.push(i);
      else this.inside.set(p, [i]);
    }
    if (!this.inside) return;
    for (let e = 0; e < picture.from.length; e++) {
      const a = picture.from[e]!, b = picture.to[e]!;
      if (parent[a] !== parent[b]) continue;
      this.fed.add(b);
      this.feeds.add(a);
    }
  }

  first = (step: number): number[] => this.of(step, this.fed, this.memo[0]);
  last = (step: number): number[] => this.of(step, this.feeds, this.memo[1]);

  private of(step: number, not: ReadonlySet<number>, memo: Map<number, number[]>): number[] {
    const item = this.itemOf[step]!;
    if (item >= 0) return [item];
    const known = memo.get(step);
    if (known) return known;
    memo.set(step, []);
    const found = new Set<number>();
    for (const each of this.inside?.get(step) ?? []) {
      if (!not.has(each)) for (const end of this.of(each, not, memo)) found.add(end);
    }
    const list = [...found];
    memo.set(step, list);
    return list;
  }
}

/** The batch of each step: a function of when steps were created, so that every reader finds the same ones. */
function batchesOf(picture: Picture): Int32Array {
  const batch = new Int32Array(picture.n);
  let number = 0;
  let begun = NaN;
  for (let i = 0; i < picture.n; i++) {
    const at = picture.flags[i]! & PLANNED ? NaN : picture.created[i]!;
    if (Number.isNaN(begun)) begun = at;
    if (at - begun > BATCH_S) {
      number += 1;
      begun = at;
    }
    batch[i] = number;
  }
  return batch;
}

/**
 * Counts by status of each item, `STATUSES.length` numbers an item; `worst` is the status that it is drawn in. What is
 * not there yet at the moment of the picture is not counted: an item without counts keeps its place and is not drawn.
 */
export function countsOf(items: Items, picture: Picture): { counts: Int32Array; worst: Uint8Array } {
  const kinds = STATUSES.length;
  const counts = new Int32Array(items.n * kinds);
  for (let i = 0; i < items.itemOf.length; i++) {
    const item = items.itemOf[i]!;
    if (item < 0 || picture.flags[i]! & HIDDEN) continue;
    if (picture.flags[i]! & MAP && items.kind[item] === GROUP) {
      if (items.face[item] !== i || items.key[item] !== picture.keys[i]) continue;
      for (const [status, count] of tallied(picture.maps.get(i)?.counts ?? {})) counts[item * kinds + STATUSES.indexOf(status)]! += count;
      continue;
    }
    counts[item * kinds + picture.status[i]!]! += 1;
  }
  const worst = new Uint8Array(items.n);
  for (let item = 0; item < items.n; item++) {
    worst[item] = ORDER.find((each) => counts[item * kinds + each]! > 0) ?? 255;
  }
  return { counts, worst };
}

const ORDER = TALLY.map((each) => STATUSES.indexOf(each));
