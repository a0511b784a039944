// Synthetic pictures of runs for the tests of the drawing: written out, or drawn from a printed seed.
import { STATUSES, type Status } from "../../src/core/status";
import type { Picture } from "../../src/run/picture";

export interface Row {
  key: string;
  needs?: string[];
  status?: Status;
  parent?: string;
  flags?: number;
  created?: number;
  cause?: string;
}

const number = (status: Status) => STATUSES.indexOf(status);

/** A picture of the rows given, in their order; needs may name later rows. */
export function pictureOf(rows: Row[]): Picture {
  const n = rows.length;
  const index = new Map(rows.map((row, i) => [row.key, i]));
  const names: string[] = [];
  const numbers = new Map<string, number>();
  const name = new Uint32Array(n);
  const parent = new Int32Array(n).fill(-1), element = new Int32Array(n).fill(-1);
  const status = new Uint8Array(n), flags = new Uint8Array(n), attempts = new Uint8Array(n);
  const created = new Float64Array(n), ready = new Float64Array(n), began = new Float64Array(n), ended = new Float64Array(n);
  const from: number[] = [], to: number[] = [];
  const cause = new Map<number, string>();
  rows.forEach((row, i) => {
    const of = row.key.replace(/(\[\d+\]|#\d+)$/, "").split("/").at(-1)!;
    if (!numbers.has(of)) numbers.set(of, names.push(of) - 1);
    name[i] = numbers.get(of)!;
    if (row.parent) parent[i] = index.get(row.parent)!;
    element[i] = Number(/\[(\d+)\]$/.exec(row.key)?.[1] ?? -1);
    status[i] = number(row.status ?? "succeeded");
    flags[i] = row.flags ?? 0;
    created[i] = row.created ?? 0;
    ready[i] = created[i]!;
    began[i] = created[i]! + 0.1;
    ended[i] = created[i]! + 1;
    attempts[i] = 1;
    if (row.cause) cause.set(i, row.cause);
    for (const need of row.needs ?? []) {
      from.push(index.get(need)!);
      to.push(i);
    }
  });
  return {
    run: { name: "quiet-otter", status: "running" } as Picture["run"], offset: n, n, keys: rows.map((row) => row.key), names, name, parent, element,
    status, flags, created, ready, began, ended, attempts, from: Int32Array.from(from), to: Int32Array.from(to), cause,
    labels: new Map(), spans: new Map(), maps: new Map(), due: new Map(), slots: new Map(), children: [], driven: [], planned: false, until: 9,
  } as Picture;
}

/** The first `n` steps of a picture, with the edges that were known then. */
export function begun(picture: Picture, n: number): Picture {
  const keep = [...picture.from.keys()].filter((e) => picture.from[e]! < n && picture.to[e]! < n);
  const cut = <T extends { slice(a: number, b: number): T }>(of: T) => of.slice(0, n);
  return {
    ...picture, n, keys: picture.keys.slice(0, n), name: cut(picture.name), parent: cut(picture.parent),
    element: cut(picture.element), status: cut(picture.status), flags: cut(picture.flags), created: cut(picture.created),
    ready: cut(picture.ready), began: cut(picture.began), ended: cut(picture.ended), attempts: cut(picture.attempts),
    from: Int32Array.from(keep.map((e) => picture.from[e]!)), to: Int32Array.from(keep.map((e) => picture.to[e]!)),
  };
}

/** A source of numbers from 0 up to 1 that is the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A seed, printed, and the numbers drawn from it; `MOTET_SEED` repeats one. */
export function seeded(what: string): () => number {
  const given = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env["MOTET_SEED"];
  const seed = given ? Number(given) : Math.floor(Math.random() * 1e9);
  console.log(`${what}: MOTET_SEED=${seed}`);
  return random(seed);
}

/** A picture of `n` steps of some tasks, each with up to three needs among earlier ones, created one after the other. */
export function anyPicture(draw: () => number, n: number, apart_s = 0.2): Picture {
  const rows: Row[] = [];
  const tasks = Math.max(1, Math.floor(draw() * n));
  for (let i = 0; i < n; i++) {
    const needs = new Set<string>();
    for (let k = Math.floor(draw() * 4); k > 0 && i > 0; k--) {
      const near = draw() < 0.7 ? Math.max(0, i - 1 - Math.floor(draw() * 6)) : Math.floor(draw() * i);
      needs.add(rows[near]!.key);
    }
    const status = STATUSES[Math.floor(draw() ** 3 * STATUSES.length)]!;
    rows.push({ key: `task${Math.floor(draw() * tasks)}#${i}`, needs: [...needs], status, created: i * apart_s * draw() * 2 });
  }
  let last = 0;
  for (const row of rows) row.created = last = Math.max(last, row.created!);
  return pictureOf(rows);
}
