// The steps of a run as rows: subflows and groups as a tree, in the order of first start; what is closed is one row.
import { HOT, STATUSES, type Status } from "../core/status";
import { duration } from "../core/words";
import { CACHED, CHILD, FLOW, HIDDEN, isUnfolded, MAP, type Picture } from "./picture";

export type Kind = "step" | "flow" | "group" | "element";

export interface Row {
  kind: Kind;
  key: string;
  label: string;
  depth: number;
  /** the step, or the first of the group */
  at: number;
  /** the steps that a group stands for, or all that are within a subflow */
  members: number[];
  opened: boolean;
  /** whether it opens without being asked to */
  opens: boolean;
}

const GROUP_FROM = 4;
const OPENS_ITSELF = 24;
const FLOW_OPENS_ITSELF = 40;

/** When a row's place in the order is decided: its start, or else when it came to be. */
const firstOf = (of: Picture, at: number) => of.began[at]! || of.created[at]! || Infinity;
const lastPart = (key: string) => key.slice(key.lastIndexOf("/") + 1);

/** The name of a step in its group or subflow: its own, where it has one; "[3]" for an element. */
export function labelOf(of: Picture, at: number): string {
  const own = of.labels.get(at);
  if (of.element[at]! >= 0) return `${own ? `${own} ` : ""}[${of.element[at]}]`;
  return own || lastPart(of.keys[at] ?? "").replace(/-0$/, "");
}

/** The name of a step where its place does not stand beside it: "train[13]". */
export const nameOf = (of: Picture, at: number) => (of.element[at]! >= 0 ? lastPart(of.keys[at] ?? "").replace(/-0\[/, "[") : labelOf(of, at));

/** Whether somebody should see it. */
export const isHot = (of: Picture, at: number) => HOT.has(STATUSES[of.status[at] ?? 0] as Status);

class Tree {
  readonly below: number[][] = [];
  readonly roots: number[] = [];

  constructor(readonly of: Picture, kept: Uint8Array | null) {
    const within = new Set<number>();
    for (let at = of.n - 1; at >= 0; at -= 1) {
      if ((of.flags[at] ?? 0) & HIDDEN || (kept && !kept[at] && !within.has(at))) continue;
      const up = of.parent[at] ?? -1;
      if (up >= 0) within.add(up);
      const list = up >= 0 ? (this.below[up] ??= []) : this.roots;
      list.push(at);
    }
  }

  rows(isOpen: (key: string, opens: boolean) => boolean): Row[] {
    const [root] = this.roots;
    const alone = this.roots.length === 1 && (this.of.flags[root!]! & FLOW) !== 0 && this.below[root!];
    const rows: Row[] = [];
    this.level(alone ? this.below[root!]! : this.roots, 0, isOpen, rows);
    return rows;
  }

  private level(steps: number[], depth: number, isOpen: (key: string, opens: boolean) => boolean, into: Row[]): void {
    const { of } = this;
    const groups = new Map<number, number[]>();
    for (const at of steps) {
      if ((of.flags[at]! & (MAP | FLOW | CHILD)) || this.below[at]) continue;
      const list = groups.get(of.name[at]!);
      if (list) list.push(at);
      else groups.set(of.name[at]!, [at]);
    }
    const starts: [number, number, number[] | null][] = [];
    for (const at of steps) {
      const group = (of.flags[at]! & (MAP | FLOW | CHILD)) || this.below[at] ? undefined : groups.get(of.name[at]!);
      if (!group || group.length < GROUP_FROM) starts.push([firstOf(of, at), at, null]);
      else if (group[0] === at) starts.push([Math.min(...group.slice(0, 1000).map((each) => firstOf(of, each))), at, group]);
    }
    starts.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    for (const [, at, group] of starts) {
      if (group) this.group(group.sort((a, b) => a - b), (of.keys[at] ?? "").replace(/(\[[^\]]*\]|#\d+)$/, ""), of.names[of.name[at]!] ?? "", depth, isOpen, into);
      else if (of.flags[at]! & MAP && (this.below[at] || of.maps.get(at)?.size)) {
        this.group((this.below[at] ?? []).reverse(), of.keys[at] ?? "", labelOf(of, at), depth, isOpen, into, at);
      } else if (this.below[at]) this.flow(at, depth, isOpen, into);
      else into.push({ kind: of.element[at]! >= 0 ? "element" : "step", key: of.keys[at] ?? "", label: labelOf(of, at), depth, at, members: [at], opened: false, opens: false });
    }
  }

  private group(members: number[], key: string, name: string, depth: number, isOpen: (key: string, opens: boolean) => boolean, into: Row[], map = -1): void {
    const { of } = this;
    const opens = members.length > 0 && members.length <= OPENS_ITSELF && members.some((each) => isHot(of, each));
    const opened = members.length > 0 && isOpen(key, opens);
    const size = map >= 0 ? of.maps.get(map)?.size : members.length;
    into.push({ kind: "group", key, label: `${name} × ${size}`, depth, at: map >= 0 ? map : members[0]!, members, opened, opens });
    if (!opened) return;
    for (const at of members) {
      if (this.below[at]) this.flow(at, depth + 1, isOpen, into);
      else into.push({ kind: "element", key: of.keys[at] ?? "", label: map >= 0 ? labelOf(of, at) : of.labels.get(at) || lastPart(of.keys[at] ?? ""), depth: depth + 1, at, members: [at], opened: false, opens: false });
    }
  }

  private flow(at: number, depth: number, isOpen: (key: string, opens: boolean) => boolean, into: Row[]): void {
    const { of } = this;
    const members: number[] = [];
    const todo = [...(this.below[at] ?? [])];
    for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
      if (!this.below[each]) members.push(each);
      else todo.push(...this.below[each]!);
    }
    const opens = members.length <= FLOW_OPENS_ITSELF && !members.every((each) => of.flags[each]! & CACHED);
    const opened = isOpen(of.keys[at] ?? "", opens);
    into.push({ kind: "flow", key: of.keys[at] ?? "", label: labelOf(of, at), depth, at, members, opened, opens });
    if (opened) this.level(this.below[at]!, depth + 1, isOpen, into);
  }
}

/** The rows of a picture, of the steps that `kept` leaves; what they stand in stays. */
export function rowsOf(of: Picture, kept: Uint8Array | null, isOpen: (key: string, opens: boolean) => boolean): Row[] {
  return new Tree(of, kept).rows(isOpen);
}

/** How many members of a group are in each status. */
export function countsOf(of: Picture, row: Row): Record<string, number> {
  const map = of.maps.get(row.at);
  if (map && !isUnfolded(of, row.at)) return map.counts;
  const found: Record<string, number> = {};
  for (const at of row.members) {
    const name = STATUSES[of.status[at] ?? 0] as string;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

const SLOTS: Readonly<Record<string, string>> = { "executor:threads": "a thread", "executor:processes": "a process" };

/** What a step's row means, in few words: how long it took, or what it waits for. */
export function meaning(of: Picture, at: number): string {
  const status = STATUSES[of.status[at] ?? 0] as Status;
  const end = of.ended[at]!;
  const last = of.spans.get(at)?.at(-1);
  const took = (Number.isNaN(end) ? of.until : end) - (last?.began ?? of.began[at]!);
  const tries = of.attempts[at]!;
  switch (status) {
    case "failed": return tries > 1 ? `${tries} attempts, failed` : "failed";
    case "waiting": return `${of.cause.get(at)?.startsWith("asks you") ? "asks you" : "waits"}${took > 0 ? `, ${duration(took)}` : ""}`;
    case "retrying": return of.due.has(at) ? `again in ${duration(Math.max(0, of.due.get(at)! - of.until))}` : "to be tried again";
    case "running": return Number.isNaN(took) ? "running" : `running ${duration(took)}`;
    case "ready": { const slot = of.slots.get(at)?.[0]; return slot ? `waits for ${SLOTS[slot] ?? slot}` : "ready"; }
    case "cached": return "reused";
    case "succeeded": return Number.isNaN(took) ? "" : tries > 1 ? `${duration(took)}, ${tries} attempts` : duration(took);
    case "crashed": return "lost in the crash";
    case "pending": return "";
    default: return status;
  }
}

/** How high a row is, in pixels. */
export const HIGH: Readonly<Record<Row["kind"], number>> = { step: 21, flow: 21, group: 30, element: 15.5 };

/** Rows with where they stand. */
export interface Placed {
  rows: Row[];
  tops: Float64Array;
  /** by step: the row that shows it, or -1 */
  rowOf: Int32Array;
}

/** Where the rows of a picture of `n` steps stand, one below the other. */
export function placed(rows: Row[], n: number): Placed {
  const tops = new Float64Array(rows.length + 1);
  const rowOf = new Int32Array(n).fill(-1);
  rows.forEach((row, index) => {
    tops[index + 1] = tops[index]! + HIGH[row.kind];
    for (const at of row.opened ? [row.at] : row.members) rowOf[at] = index;
    rowOf[row.at] = index;
  });
  return { rows, tops, rowOf };
}

/** The row that stands at a height; the last one beyond the end. */
export function rowAt(tops: Float64Array, y: number): number {
  let low = 0, high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}
