// The picture of a run: its steps as columns, as all views draw them, put together from what the server tells.
import { ENDED, numberOf, STATUSES, type Status } from "../core/status";
import type { Run } from "../core/types";

/** Flags of a step. HIDDEN: it is not there yet at the moment that is looked at. */
export const CACHED = 1, PLANNED = 2, MAP = 4, FLOW = 8, CHILD = 16, REPEATED = 32, HIDDEN = 64;

/** An attempt or a wait: when it could have begun, began and ended (NaN: not yet), in seconds, and how. */
export interface Span {
  ready: number;
  began: number;
  ended: number;
  outcome: string;
}

/** A run that a step began. */
export interface Child {
  step: string;
  id: string;
  name: string;
  workflow: string;
  voice: string;
  status: string;
  counts: Record<string, number>;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
}

/**
 * Steps by their place, which they keep for the life of the page. Times are seconds since the run's creation, NaN where
 * a thing has not come about. The columns may be longer than `n`, and are changed in place: a new Picture says that they were.
 */
export interface Picture {
  run: Run;
  offset: number;
  n: number;
  keys: string[];
  /** task names, and of each step the place of its own there */
  names: string[];
  name: Uint32Array;
  /** place of the step that it is a part of (subflow, child run, map), or -1 */
  parent: Int32Array;
  /** its number in its map, or -1 */
  element: Int32Array;
  /** place in STATUSES */
  status: Uint8Array;
  flags: Uint8Array;
  created: Float64Array;
  ready: Float64Array;
  began: Float64Array;
  ended: Float64Array;
  attempts: Uint8Array;
  /** edges predecessor to dependent */
  from: Int32Array;
  to: Int32Array;
  /** in few words, of what failed, waits, is tried again or was skipped */
  cause: Map<number, string>;
  /** names that steps have of their own */
  labels: Map<number, string>;
  /** of steps with more than one attempt, or that wait or were lost */
  spans: Map<number, Span[]>;
  /** of maps: how many elements, how many in each status, and which count as steps by themselves, as those that failed;
   *  elements of very large maps are no steps of the picture */
  maps: Map<number, { size: number; counts: Record<string, number>; own: number[] }>;
  /** when a step is tried again */
  due: Map<number, number>;
  /** for what slots a step waits that is ready */
  slots: Map<number, string[]>;
  children: Child[];
  /** when a process drove the run, from and to (NaN: still), and how that ended */
  driven: { from: number; to: number; how: string }[];
  /** whether steps are among them that are to come */
  planned: boolean;
  /** the end of what is shown: the run's end, the moment, or now, in seconds since its creation */
  until: number;
}

type Times = (number | null)[];
type ByPlace<T> = Record<string, T>;

/** What the server answers to /runs/{run}/picture. */
export interface Told {
  run: Run;
  offset: number;
  n: number;
  whole: boolean;
  driven: [number, number | null, string][];
  at: number[];
  keys: string[];
  task: number[];
  tasks: string[];
  names: ByPlace<string>;
  parent: number[];
  status: number[];
  flags: number[];
  created: Times;
  ready: Times;
  began: Times;
  ended: Times;
  attempts: number[];
  from: number[];
  to: number[];
  /** by the edge's place: from which element of a map it leads */
  elements: ByPlace<number>;
  cause: ByPlace<string>;
  due: ByPlace<number>;
  spans: ByPlace<[number, number, number | null, string][]>;
  maps: ByPlace<{ size: number; counts: Record<string, number>; statuses: number[]; own: number[] }>;
  slots: ByPlace<string[]>;
  children: Child[];
  above: { id: string; name: string }[];
  planned?: { run: string; name: string; steps: [string, string, string, string[]][] } | null;
}

/** Elements of a map, as /runs/{run}/elements tells of them. */
export interface ToldElements {
  step: string;
  start: number;
  statuses: number[];
  began: Times;
  ended: Times;
  errors: ByPlace<string>;
}

/** So many elements in all are steps of a picture; of maps beyond it the counts are shown. */
export const MOST_ELEMENTS = 50_000;
const RUNNING = numberOf("running"), CRASHED = numberOf("crashed"), WAITING = numberOf("waiting");
const READY = numberOf("ready"), RETRYING = numberOf("retrying"), PENDING = 0;

const grown = <T extends { length: number; set(of: T): void }>(of: T, to: T): T => {
  to.set(of);
  return to;
};

/** Takes in one answer after the other, and gives the picture that they make. */
export class Drawn {
  private room = 0;
  n = 0;
  offset = 0;
  keys: string[] = [];
  names: string[] = [];
  private nameOf = new Map<string, number>();
  private places = new Map<string, number>();
  /** by the server's place: ours */
  private ours: number[] = [];
  name = new Uint32Array(0);
  parent = new Int32Array(0);
  element = new Int32Array(0);
  status = new Uint8Array(0);
  flags = new Uint8Array(0);
  created = new Float64Array(0);
  ready = new Float64Array(0);
  began = new Float64Array(0);
  ended = new Float64Array(0);
  attempts = new Uint8Array(0);
  private from: number[] = [];
  private to: number[] = [];
  private edges: { from: Int32Array; to: Int32Array } | null = null;
  private unfolded = 0;
  private first = new Map<number, number>();
  private planned = new Set<number>();
  cause = new Map<number, string>();
  labels = new Map<number, string>();
  spans = new Map<number, Span[]>();
  maps: Picture["maps"] = new Map();
  due = new Map<number, number>();
  slots = new Map<number, string[]>();

  /** The place of the step of that key; -1 for none. */
  find(key: string): number {
    return this.places.get(key) ?? -1;
  }

  /** Our place of a step, by the server's. */
  placeOf(theirs: number): number {
    return this.ours[theirs] ?? -1;
  }

  /** Take in an answer; with `planned`, also the steps that it says are to come. */
  take(told: Told, planned: boolean): void {
    this.offset = told.offset;
    told.at.forEach((theirs, index) => this.step(told, theirs, index));
    for (const [index, to] of told.to.entries()) {
      const from = this.ours[told.from[index] ?? -1], element = told.elements[String(index)];
      const first = element === undefined || from === undefined ? undefined : this.first.get(from);
      this.edge(first === undefined ? from : first + (element ?? 0), this.ours[to]);
    }
    for (const each of told.at) this.fresh.delete(this.ours[each] ?? -1);
    if (planned && told.planned) this.plan(told.planned.steps);
    for (const child of told.children) {
      const at = this.find(child.step);
      if (at >= 0) this.flags[at] = (this.flags[at] ?? 0) | CHILD;
    }
  }

  private fresh = new Set<number>();

  private step(told: Told, theirs: number, index: number): void {
    const key = told.keys[index] ?? "";
    const task = told.tasks[told.task[index] ?? 0] ?? "";
    let at = this.ours[theirs] ?? -1;
    if (at < 0) {
      at = this.add(key, task);
      this.ours[theirs] = at;
      this.fresh.add(at);
      const parent = told.parent[index] ?? -1;
      this.parent[at] = parent < 0 ? -1 : (this.ours[parent] ?? -1);
    }
    this.status[at] = told.status[index] ?? 0;
    this.flags[at] = told.flags[index] ?? 0;
    for (const name of ["created", "ready", "began", "ended"] as const) this[name][at] = told[name][index] ?? NaN;
    this.attempts[at] = told.attempts[index] ?? 0;
    const of = String(theirs);
    put(this.cause, at, told.cause[of]);
    put(this.labels, at, told.names[of]);
    put(this.due, at, told.due[of]);
    put(this.slots, at, told.slots[of]);
    put(this.spans, at, told.spans[of]?.map(([ready, began, ended, outcome]) => ({ ready, began, ended: ended ?? NaN, outcome })));
    const map = told.maps[of];
    if (map) this.map(at, key, task, map);
  }

  private add(key: string, task: string): number {
    const known = this.places.get(key);
    if (known !== undefined) {
      this.planned.delete(known);
      return known; // it was planned, and has come to be: it keeps its place
    }
    const at = this.n;
    if (at >= this.room) this.grow();
    this.n += 1;
    this.keys[at] = key;
    let name = this.nameOf.get(task);
    if (name === undefined) {
      name = this.names.length;
      this.nameOf.set(task, name);
      this.names.push(task);
    }
    this.name[at] = name;
    this.places.set(key, at);
    this.parent[at] = this.element[at] = -1;
    this.created[at] = this.ready[at] = this.began[at] = this.ended[at] = NaN;
    return at;
  }

  private grow(): void {
    const to = Math.max(256, this.room * 2);
    this.name = grown(this.name, new Uint32Array(to));
    for (const name of ["parent", "element"] as const) this[name] = grown(this[name], new Int32Array(to));
    for (const name of ["status", "flags", "attempts"] as const) this[name] = grown(this[name], new Uint8Array(to));
    for (const name of ["created", "ready", "began", "ended"] as const) this[name] = grown(this[name], new Float64Array(to));
    this.room = to;
  }

  private map(at: number, key: string, task: string, of: Told["maps"][string]): void {
    this.maps.set(at, { size: of.size, counts: of.counts, own: of.own });
    let first = this.first.get(at);
    if (first === undefined && this.unfolded + of.size <= MOST_ELEMENTS) {
      this.unfolded += of.size;
      first = this.n;
      this.first.set(at, first);
      for (let index = 0; index < of.size; index += 1) {
        const each = this.add(`${key}[${index}]`, task);
        this.parent[each] = at;
        this.element[each] = index;
      }
    }
    if (first === undefined) return;
    this.created.fill(this.created[at] ?? NaN, first, first + of.size);
    let next = first;
    for (let pair = 0; pair < of.statuses.length; pair += 2) {
      const status = of.statuses[pair] ?? 0;
      const end = next + (of.statuses[pair + 1] ?? 0);
      this.status.fill(status, next, end);
      next = end;
    }
  }

  /** Take in when elements began and ended. */
  elements(told: ToldElements): void {
    const first = this.first.get(this.find(told.step));
    if (first === undefined) return;
    told.statuses.forEach((_, index) => {
      const at = first + told.start + index;
      this.began[at] = told.began[index] ?? NaN;
      this.ended[at] = told.ended[index] ?? NaN;
      put(this.cause, at, told.errors[String(told.start + index)]);
    });
  }

  private edge(from: number | undefined, to: number | undefined): void {
    if (from === undefined || to === undefined || !this.fresh.has(to)) return;
    this.from.push(from);
    this.to.push(to);
    this.edges = null;
  }

  private plan(steps: NonNullable<Told["planned"]>["steps"]): void {
    const made: [number, string, string[]][] = [];
    for (const [key, task, parent, needs] of steps) {
      if (this.find(key) >= 0) continue;
      const at = this.add(key, task);
      this.flags[at] = PLANNED;
      this.planned.add(at);
      this.fresh.add(at);
      made.push([at, parent, needs]);
    }
    for (const [at, parent, needs] of made) {
      this.parent[at] = this.find(parent);
      for (const need of needs) {
        const from = this.find(need);
        if (from >= 0) this.edge(from, at);
      }
      this.fresh.delete(at);
    }
  }

  /** The picture as it stands, with what follows from how the run stands: who waits for an answer, what was lost. */
  picture(run: Run, told: Pick<Told, "driven" | "children">, until: number): Picture {
    this.edges ??= { from: Int32Array.from(this.from), to: Int32Array.from(this.to) };
    const seen: Picture = {
      run, offset: this.offset, n: this.n, keys: this.keys, names: this.names, name: this.name, parent: this.parent,
      element: this.element, status: this.status, flags: this.flags, created: this.created, ready: this.ready,
      began: this.began, ended: this.ended, attempts: this.attempts, ...this.edges, cause: this.cause,
      labels: this.labels, spans: this.spans, maps: this.maps, due: this.due, slots: this.slots,
      children: told.children, until, planned: this.planned.size > 0,
      driven: told.driven.map(([from, to, how]) => ({ from, to: to ?? NaN, how })),
    };
    return withWaits(seen, this.places);
  }
}

function put<T>(into: Map<number, T>, at: number, value: T | undefined): void {
  if (value === undefined) into.delete(at);
  else into.set(at, value);
}

interface Wait {
  for?: string;
  step?: string;
  event?: string;
  description?: string;
}

/** Steps that wait for an answer run in the journal's eyes; those of a run that crashed run for nobody. */
function withWaits(of: Picture, places: ReadonlyMap<string, number>): Picture {
  const waits = of.run.waits as unknown as Wait[];
  const crashed = of.run.status === "crashed";
  if (!waits.length && !crashed) return of;
  const status = of.status.slice();
  const cause = new Map(of.cause);
  if (crashed) for (let at = 0; at < of.n; at += 1) if (status[at] === RUNNING) status[at] = CRASHED;
  for (const wait of waits) {
    const at = places.get(wait.step ?? "") ?? -1;
    if (at < 0) continue;
    status[at] = WAITING;
    cause.set(at, wait.for === "answer" ? `asks you${wait.description ? `: ${wait.description}` : ""}` : `waits for ${wait.event ?? "a rule"}`);
  }
  return { ...of, status, cause };
}

/** The picture as it was `at` seconds after the run's creation. */
export function asOf(of: Picture, at: number): Picture {
  const status = new Uint8Array(of.n);
  const flags = of.flags.slice(0, of.n);
  const ended = of.ended.slice(0, of.n);
  const cause = new Map<number, string>(), due = new Map<number, number>();
  for (let i = 0; i < of.n; i += 1) {
    const created = of.created[i] ?? NaN;
    if (!(created <= at)) {
      flags[i] = (flags[i] ?? 0) | HIDDEN;
      continue;
    }
    if ((of.ended[i] ?? NaN) <= at) {
      status[i] = of.status[i] ?? 0;
      const why = of.cause.get(i);
      if (why) cause.set(i, why);
      continue;
    }
    ended[i] = NaN;
    const spans = of.spans.get(i), place = spans?.findLastIndex((each) => each.began <= at) ?? -1, span = spans?.[place];
    if (span) {
      const between = span.outcome === "interrupted" ? CRASHED : RETRYING;
      status[i] = span.outcome === "waiting" ? WAITING : span.ended <= at ? between : RUNNING;
      if (status[i] === RETRYING) put(due, i, spans?.[place + 1]?.ready ?? of.due.get(i));
    }
    else status[i] = (of.began[i] ?? NaN) <= at ? RUNNING : (of.ready[i] ?? NaN) <= at ? READY : PENDING;
  }
  return { ...of, status, flags, ended, cause, due, until: at };
}

/** How many steps are in each status, counted as everywhere: a map is one step, with those of its elements that failed
 * or were tried again; without what is planned and what is not there.
 */
export function counts(of: Picture, kept?: Uint8Array | null): Record<string, number> {
  const found = new Array<number>(STATUSES.length).fill(0);
  for (let i = 0; i < of.n; i += 1) {
    if ((of.flags[i] ?? 0) & (PLANNED | HIDDEN) || (kept && !kept[i])) continue;
    const element = of.element[i] ?? -1;
    if (element < 0 || of.maps.get(of.parent[i] ?? -1)?.own.includes(element)) found[of.status[i] ?? 0]! += 1;
  }
  return Object.fromEntries(STATUSES.map((each, at) => [each, found[at] ?? 0]));
}

/** How many elements of maps have ended, and how many there are. */
export function elementCounts(of: Picture): [number, number] {
  let ended = 0, all = 0;
  for (const { size, counts } of of.maps.values()) {
    all += size;
    for (const [status, n] of Object.entries(counts)) if (ENDED.has(status as Status)) ended += n;
  }
  return [ended, all];
}

/** The parts of a stretch of time in which a process drove the run: while none did, nothing ran. */
export function* driven(of: Picture, began: number, ended: number): Generator<[number, number]> {
  const end = Number.isNaN(ended) ? of.until : ended;
  if (of.driven.length < 2) {
    if (began <= end) yield [began, end];
    return;
  }
  for (const each of of.driven) {
    const from = Math.max(began, each.from), to = Math.min(end, Number.isNaN(each.to) ? of.until : each.to);
    if (from <= to) yield [from, to];
  }
}

/** Whether the elements of a map are steps of the picture: they stand behind it. */
export function isUnfolded(of: Picture, at: number): boolean {
  return of.parent[at + 1] === at && (of.element[at + 1] ?? -1) >= 0;
}
