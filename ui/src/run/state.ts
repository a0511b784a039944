// What all views of a run share: one selection, one moment, one window, what is opened, what is filtered; in the address.
import { signal } from "@preact/signals";
import type { Status } from "../core/status";
import { number, param, word, words, type Codec, type Param } from "../core/router";

/** The key of the selected step, as the command line writes it. */
export const selection = param<string | null>("step", word);
export const attempt = param<number | null>("attempt", number);
/** The moment that is looked at, in seconds since the run's creation; null: now. */
export const moment = param<number | null>("at", number, "replace");
/** Opened groups and subflows, and those that the reader closed though they open by themselves. */
export const open = param<ReadonlySet<string>>("open", words);
export const closed = param<ReadonlySet<string>>("closed", words);
/** Whether steps to come are shown; null: as is usual, while the run goes on. */
export const planned = param<boolean | null>("planned", {
  read: (of) => (of === null ? null : of === "1"),
  write: (of) => (of === null ? null : of ? "1" : "0"),
});
/** Steps that are marked for an act on all of them. */
export const marked = signal<ReadonlySet<string>>(new Set());

const from = param<number | null>("from", number, "replace");
const to = param<number | null>("to", number, "replace");

const pair = (low: number | null, high: number | null): [number, number] | null =>
  low === null || high === null ? null : [low, high];

/** The window of time that all views are narrowed to, in seconds since the run's creation; null: all. */
export const window: Param<[number, number] | null> = {
  get value() {
    return pair(from.value, to.value);
  },
  set value(of: [number, number] | null) {
    from.value = of ? round(of[0]) : null;
    to.value = of ? round(of[1]) : null;
  },
  peek: () => pair(from.peek(), to.peek()),
};

/** Times in addresses have as many digits as anybody can point at. */
export const round = (of: number) => Math.round(of * 1000) / 1000;

const text = param<string>("q", { read: (of) => of ?? "", write: (of) => of || null } satisfies Codec<string>, "replace");
const statuses = param<ReadonlySet<string>>("status", words);

export interface Filter {
  text: string;
  statuses: ReadonlySet<Status>;
}

/** What the reader is looking for: the rest is drawn faint, and left out of lists. */
export const filter: Param<Filter> = {
  get value() {
    return { text: text.value, statuses: statuses.value as ReadonlySet<Status> };
  },
  set value(of) {
    text.value = of.text;
    statuses.value = of.statuses;
  },
  peek: () => ({ text: text.peek(), statuses: statuses.peek() as ReadonlySet<Status> }),
};

/** Open or close a group. `opens` says whether it opens by itself. */
export function toggle(key: string, opens = false): void {
  const is = open.peek().has(key) || (opens && !closed.peek().has(key));
  open.value = without(open.peek(), key, is);
  closed.value = without(closed.peek(), key, !is || !opens);
}

/** Whether a group is open. */
export function isOpen(key: string, opens = false): boolean {
  return open.value.has(key) || (opens && !closed.value.has(key));
}

function without(of: ReadonlySet<string>, key: string, out: boolean): ReadonlySet<string> {
  const changed = new Set(of);
  if (out) changed.delete(key);
  else changed.add(key);
  return changed;
}
