// The statuses that steps and runs are shown in: names, order and colours; the same for every view.

/** All that are shown, in the order of their numbers in a picture of a run: see run/picture.ts. */
export const STATUSES = [
  "pending", "ready", "waiting", "running", "retrying", "succeeded", "cached", "failed", "cancelled", "skipped", "crashed",
] as const;
export type Status = (typeof STATUSES)[number];

/** The order of counts and tallies: what asks for attention first. */
export const TALLY: readonly Status[] = [
  "failed", "crashed", "waiting", "retrying", "running", "ready", "pending", "skipped", "cancelled", "cached", "succeeded",
];

/** Those drawn last and larger, with their cause. */
export const HOT: ReadonlySet<Status> = new Set(["failed", "crashed", "waiting", "retrying"]);
/** Those in which nothing further happens by itself. */
export const ENDED: ReadonlySet<Status> = new Set(["succeeded", "cached", "failed", "cancelled", "skipped"]);

const SHOWN_AS: Readonly<Record<string, Status>> = { cancelling: "running", interrupted: "crashed" };
const NUMBERS = new Map<string, number>(STATUSES.map((each, index) => [each, index]));

/** The status that one of the API is shown as; what is not known is shown as pending. */
export function shownAs(status: string): Status {
  return SHOWN_AS[status] ?? (NUMBERS.has(status) ? (status as Status) : "pending");
}

/** The number of a status of the API in STATUSES. */
export function numberOf(status: string): number {
  return NUMBERS.get(shownAs(status)) ?? 0;
}

/** The status in words: "stopping" for one that was asked to. */
export function statusWords(status: string): string {
  return status === "cancelling" ? "stopping" : status;
}

/** Counts by status of the API as counts by shown status, in the order of TALLY, without zeros. */
export function tallied(counts: Readonly<Record<string, number>>): [Status, number][] {
  const found = new Map<Status, number>();
  for (const [status, count] of Object.entries(counts)) {
    const shown = shownAs(status);
    found.set(shown, (found.get(shown) ?? 0) + count);
  }
  return TALLY.filter((each) => found.get(each)).map((each) => [each, found.get(each) ?? 0]);
}

export interface Palette {
  /** for words and outlines, by status */
  text: Record<Status, string>;
  /** for areas, by status */
  fill: Record<Status, string>;
  bg: string; panel: string; sunk: string; sel: string; line: string; line2: string; edge: string;
  ink: string; ink2: string; ink3: string; inverse: string; mark: string; diff: string;
}

/** The colours that hold now, for canvases: read once, and again when the theme changes. */
export function palette(of: Element = document.documentElement): Palette {
  const style = getComputedStyle(of);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const by = (end: string) => Object.fromEntries(STATUSES.map((each) => [each, token(each + end)])) as Record<Status, string>;
  const names = ["bg", "panel", "sunk", "sel", "line", "line2", "edge", "ink", "ink2", "ink3", "inverse", "mark", "diff"] as const;
  const rest = Object.fromEntries(names.map((each) => [each, token(each)])) as Omit<Palette, "text" | "fill">;
  return { text: by(""), fill: by("-f"), ...rest };
}
