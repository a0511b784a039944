// One run as all views see it: its picture as signals, brought up to date as things happen.
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { ApiError, at, get } from "../core/api";
import { settled } from "../core/acts";
import { onChanges } from "../core/live";
import { ENDED, STATUSES } from "../core/status";
import type { Run } from "../core/types";
import { asOf, counts, Drawn, HIDDEN, type Picture, type Told, type ToldElements } from "./picture";
import * as state from "./state";

/** The least time between two questions: what happens meanwhile is asked for together. */
const LEAST_MS = 70;
/** What no event tells of, such as a question that is asked, or a process that died, is seen so soon. */
const LOOK_MS = 2500;
const MOST_TIMED = 2000;
const ELEMENTS_MS = 1000;
const PATH_MS = 2500;
/** What takes long to be answered is asked for so much less often. */
const SHARE = 20;
/** What is worked out of all steps of a picture larger than this is worked out once a second. */
const LARGE = 5000;

/** Where the time of a run went: its critical path. */
export interface Where {
  wall_s: number;
  causes: Record<string, number>;
  tasks: Record<string, number>;
  path: { begin_s: number; end_s: number; cause: string; step: number }[];
}

export const isOver = (run: Pick<Run, "status">) => ENDED.has(run.status as never);

export class RunModel {
  private drawn = new Drawn();
  private told: Told | null = null;
  private readonly latest = signal<Picture | null>(null);
  private readonly brief = signal<Run | null>(null);
  private readonly calmed = signal<Picture | null>(null);
  private calmAt = 0;
  private readonly failed = signal<ApiError | null>(null);
  private readonly clock = signal(Date.now() / 1000);
  private asking = false;
  private pending = false;
  private askedAt = 0;
  private timer = 0;
  private over = false;
  private readonly timed = new Set<string>();
  private readonly elementsDue = new Map<string, number>();
  private id = "";

  /** `name` is the run's name or id. */
  constructor(readonly name: string) {}

  /** What went wrong the last time that the run was asked for; null while all is well. */
  readonly error: ReadonlySignal<ApiError | null> = this.failed;
  /** The run as it stands now; null until it is known. */
  readonly run = computed<Run | null>(() => this.latest.value?.run ?? this.brief.value);
  /** The runs that it is a part of, the outermost first. */
  readonly above = signal<Told["above"]>([]);
  /** The steps as they stand now, whatever moment is looked at. */
  readonly now: ReadonlySignal<Picture | null> = this.latest;
  /** The steps as they were at the moment that is looked at. Only while `ready`. */
  readonly picture: ReadonlySignal<Picture> = computed(() => {
    const found = this.latest.value ?? EMPTY;
    const when = state.moment.value;
    return when === null ? found : asOf(found, when);
  });
  /** All of it as of now, of a large run as of a second ago at most. */
  readonly whole: ReadonlySignal<Picture | null> = this.calmed;
  /** The same, of a large run as of a second ago at most: for what costs as much as there are steps. */
  readonly calm: ReadonlySignal<Picture> = computed(() => {
    const found = this.calmed.value ?? EMPTY;
    const when = state.moment.value;
    return when === null ? found : asOf(found, when);
  });
  readonly ready = computed(() => this.latest.value !== null);
  /** The end of what there is, in seconds since the run's creation: its end, or now. It moves once a second. */
  readonly until = computed(() => {
    const run = this.run.value;
    if (!run) return 0;
    return Math.max(0.001, (isOver(run) ? (run.ended_at ?? run.created_at) : this.clock.value) - run.created_at);
  });
  /** 1 for the steps that fit the filter and the window; null: all do. */
  readonly kept = computed<Uint8Array | null>(() => kept(this.picture.value, state.filter.value, state.window.value));
  /** How many steps of the moment and the window are in each status, whatever the statuses that are filtered. */
  readonly tally = computed(() => {
    if (!this.ready.value) return this.brief.value?.counts ?? {};
    const found = this.picture.value;
    const { text } = state.filter.value;
    return counts(found, kept(found, { text, statuses: new Set() }, state.window.value));
  });

  /** The place of a step; -1 for none. */
  find(key: string | null): number {
    void this.latest.value;
    return key === null ? -1 : this.drawn.find(this.resolve(key) ?? key);
  }

  /** The key of the step that is meant, as the command line finds it: by its key, how that ends, its task or its name,
   *  if only one has it; null for none.
   */
  resolve(text: string): string | null {
    const of = this.latest.value;
    if (!of || this.drawn.find(text) >= 0) return text;
    const found: string[] = [];
    for (let i = 0; i < of.n && found.length < 2; i += 1) {
      const key = of.keys[i] ?? "";
      if (of.element[i]! < 0 && (key.endsWith(`/${text}`) || of.names[of.name[i]!] === text || of.labels.get(i) === text)) found.push(key);
    }
    return found.length === 1 ? (found[0] ?? null) : text.endsWith("]") ? text : null;
  }

  /** Ask, and go on asking as things happen; gives what ends it. */
  start(): () => void {
    void this.ask();
    get<Run>(at`/runs/${this.name}`).then((run) => { this.brief.value = run; }, () => {});
    const off = onChanges((changes) => {
      if (changes.some((each) => each.run === this.id)) this.soon();
    });
    const ticking = setInterval(() => {
      const run = this.run.peek();
      if (run && !isOver(run) && !document.hidden) this.clock.value = Date.now() / 1000;
      if (this.calmed.peek() !== this.latest.peek()) this.settle();
    }, 1000);
    const looking = setInterval(() => {
      const run = this.run.peek();
      if (!document.hidden && (!run || !isOver(run))) this.soon();
    }, LOOK_MS);
    let shown = state.planned.peek();
    const planning = effect(() => {
      if (state.planned.value === shown) return;
      shown = state.planned.value;
      this.anew();
    });
    return () => {
      this.over = true;
      clearTimeout(this.timer);
      for (const each of this.elementsDue.values()) clearTimeout(each);
      clearInterval(ticking);
      clearInterval(looking);
      off();
      planning();
    };
  }

  /** Ask for all of it again. */
  anew(): void {
    this.told = null;
    this.soon();
  }

  private soon(): void {
    this.pending = true;
    if (this.asking || this.timer || this.over) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      void this.ask();
    }, Math.max(0, this.askedAt + LEAST_MS - Date.now())) as unknown as number;
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.pending = false;
    this.askedAt = Date.now();
    try {
      const query = this.told ? { after: this.drawn.offset } : {};
      const told = await get<Told>(at`/runs/${this.id || this.name}/picture`, query);
      if (!this.over) this.take(told);
      this.failed.value = null;
    } catch (error) {
      this.failed.value = error instanceof ApiError ? error : new ApiError(0, String(error), "");
    }
    this.asking = false;
    if (this.pending) this.soon();
  }

  private take(told: Told): void {
    this.id = told.run.id;
    if (told.whole) this.drawn = new Drawn();
    this.drawn.take(told, state.planned.peek() ?? !isOver(told.run));
    this.told = told;
    this.above.value = told.above;
    if (told.run.status !== this.run.peek()?.status) settled(told.run.id);
    this.clock.value = Date.now() / 1000;
    this.show(told);
    for (const [place, map] of Object.entries(told.maps)) {
      const key = told.keys[told.at.indexOf(Number(place))] ?? "";
      if (this.timed.has(key) || map.counts.failed) this.timesOf(key, true);
    }
  }

  private show(told: Told): void {
    const { run } = told;
    const until = (isOver(run) ? (run.ended_at ?? run.created_at) : Date.now() / 1000) - run.created_at;
    this.latest.value = this.drawn.picture(run, told, until);
    if (this.drawn.n < LARGE || Date.now() - this.calmAt > 1000) this.settle();
  }

  private settle(): void {
    this.calmAt = Date.now();
    this.calmed.value = this.latest.peek();
  }

  /** The critical path as of a moment ago; null until somebody watches it. */
  readonly where = signal<Where | null>(null);
  private whereOf = "";
  private pathAt = 0;

  /** Have the critical path known, and kept so; gives what ends it. */
  watchPath(): () => void {
    const look = async () => {
      const run = this.run.peek();
      const of = `${run?.status} ${this.drawn.offset}`;
      if (!run || document.hidden || (isOver(run) && of === this.whereOf)) return;
      if (Date.now() < this.pathAt) return;
      this.whereOf = of;
      const asked = Date.now();
      this.pathAt = Infinity;
      this.where.value = await get<Where>(at`/runs/${run.id}/path`).catch(() => this.where.peek());
      this.pathAt = Date.now() + Math.max(PATH_MS, SHARE * (Date.now() - asked));
    };
    const status = computed(() => this.run.value?.status);
    const stop = effect(() => { if (status.value) setTimeout(look, 0); });
    const timer = setInterval(look, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }

  /** The place of a step in the picture, by the server's. */
  placeOf(theirs: number): number {
    return this.drawn.placeOf(theirs);
  }

  /** Have it known when the elements of an opened map began and ended; `anew`: since they have changed. */
  timesOf(key: string, anew = false): void {
    const known = this.timed.has(key);
    if ((known && !anew) || this.elementsDue.has(key)) return;
    this.timed.add(key);
    this.elementsDue.set(key, setTimeout(() => void this.askElements(key), known ? ELEMENTS_MS : 0) as unknown as number);
  }

  private async askElements(step: string): Promise<void> {
    this.elementsDue.delete(step);
    try {
      this.drawn.elements(await get<ToldElements>(at`/runs/${this.id}/elements`, { step, limit: MOST_TIMED }));
      if (this.told && !this.over) this.show(this.told);
    } catch {
      this.timed.delete(step); // asked again when it is looked at again
    }
  }
}

/** The steps that a filter and a window leave; null where they leave all. */
export function kept(of: Picture, filter: state.Filter, window: [number, number] | null): Uint8Array | null {
  const { statuses } = filter;
  const text = filter.text.toLowerCase();
  if (!statuses.size && !text && !window) return null;
  const wanted = STATUSES.map((each) => !statuses.size || statuses.has(each));
  const found = new Uint8Array(of.n);
  for (let i = 0; i < of.n; i += 1) {
    const there = !((of.flags[i] ?? 0) & HIDDEN) && wanted[of.status[i] ?? 0];
    const named = !text || (of.keys[i] ?? "").toLowerCase().includes(text) || (of.labels.get(i) ?? "").toLowerCase().includes(text);
    found[i] = there && named && (!window || overlaps(of, i, window)) ? 1 : 0;
  }
  return found;
}

function overlaps(of: Picture, i: number, [from, to]: [number, number]): boolean {
  const ready = of.ready[i] ?? NaN, begin = Number.isNaN(ready) ? (of.created[i] ?? NaN) : ready;
  const end = of.ended[i] ?? NaN;
  return begin <= to && (Number.isNaN(end) ? of.until >= from : end >= from);
}

const NOTHING = { id: "", name: "", workflow: "", status: "pending", params: null, tags: [], created_at: 0, started_at: null, ended_at: null, duration_s: null, counts: {}, waits: [], result: null, error: null, program: {}, owner: null };
const EMPTY: Picture = new Drawn().picture(NOTHING as Run, { driven: [], children: [] }, 1);
