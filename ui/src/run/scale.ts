// Time on a line: seconds to pixels, with stretches in which nothing ran folded away; and its ticks.
import { driven, FLOW, HIDDEN, MAP, type Picture } from "./picture";
import { clock, duration } from "../core/words";

export const FOLD_PX = 46;
const LEAST_FOLD_S = 30;
const FOLD_SHARE = 0.04;

export interface Fold {
  from: number;
  to: number;
  words: string;
}

interface Piece {
  from: number;
  to: number;
  x: number;
  perS: number;
}

/** Seconds since the run's creation to pixels from the left, and back. */
export class Scale {
  private readonly pieces: Piece[] = [];
  readonly perS: number;

  constructor(readonly from: number, readonly to: number, readonly width: number, readonly folds: readonly Fold[]) {
    const folded = folds.reduce((sum, each) => sum + each.to - each.from, 0);
    this.perS = Math.max(1, width - folds.length * FOLD_PX) / Math.max(1e-6, to - from - folded);
    let at = from, x = 0;
    const add = (end: number, perS: number) => {
      if (end > at) this.pieces.push({ from: at, to: end, x, perS });
      x += Math.max(0, end - at) * perS;
      at = Math.max(at, end);
    };
    for (const fold of folds) {
      add(fold.from, this.perS);
      add(fold.to, FOLD_PX / (fold.to - fold.from));
    }
    add(to, this.perS);
  }

  x(at: number): number {
    const piece = this.pieces.findLast((each) => each.from <= at) ?? this.pieces[0];
    return piece ? piece.x + (at - piece.from) * piece.perS : 0;
  }

  at(x: number): number {
    const piece = this.pieces.findLast((each) => each.x <= x) ?? this.pieces[0];
    return piece ? piece.from + (x - piece.x) / piece.perS : 0;
  }
}

/** The stretches of the window in which nothing ran that are long enough to be folded, each with its cause. */
export function idle(of: Picture, from: number, to: number): Fold[] {
  const begins: number[] = [], ends: number[] = [];
  const busy = (begin: number, end: number) => {
    if (!(begin >= 0)) return;
    for (const [from, to] of driven(of, begin, end)) {
      begins.push(from);
      ends.push(to);
    }
  };
  for (let i = 0; i < of.n; i += 1) {
    if ((of.flags[i] ?? 0) & (FLOW | HIDDEN)) continue;
    const spans = of.spans.get(i);
    if (spans) for (const each of spans) { if (each.outcome !== "waiting") busy(each.began, each.ended); }
    else if (!((of.flags[i] ?? 0) & MAP) || of.element[i] === -1) busy(of.began[i] ?? NaN, of.ended[i] ?? NaN);
  }
  const opens = Float64Array.from(begins).sort(), closes = Float64Array.from(ends).sort();
  const least = Math.max(LEAST_FOLD_S, FOLD_SHARE * (to - from));
  const found: Fold[] = [];
  const note = (begin: number, end: number) => {
    const low = Math.max(begin, from), high = Math.min(end, to);
    if (high - low > least) found.push({ from: low, to: high, words: cause(of, begin, end) });
  };
  let idleSince = 0, open = 0, closed = 0;
  while (open < opens.length) {
    if (open === closed) note(idleSince, opens[open]!);
    if (closed < open && closes[closed]! <= opens[open]!) {
      closed += 1;
      idleSince = Math.max(idleSince, closes[closed - 1]!);
    } else open += 1;
  }
  note(closes.at(-1) ?? 0, of.until);
  return found;
}

function cause(of: Picture, from: number, to: number): string {
  const clocked = (at: number) => clock(of.run.created_at + at);
  const down = of.driven.findIndex((each, index) => each.to <= to + 1 && each.to >= from - 1 && of.driven[index + 1]);
  const folded = `${duration(to - from)} folded`;
  const next = of.driven[down + 1];
  if (down >= 0 && next) {
    const how = of.driven[down]!.how === "let go" ? "waited for an answer" : `crashed ${clocked(of.driven[down]!.to)}`;
    return `${how} · ${folded} · resumed ${clocked(next.from)}`;
  }
  for (const [, spans] of of.spans) {
    for (const each of spans) {
      if (each.outcome === "waiting" && each.began <= from + 1 && !(each.ended < to - 1)) return `waited for an event or an answer · ${folded}`;
      if (each.ready >= to - 1 && each.ready <= to + 1 && each.outcome !== "waiting" && each !== spans[0]) return `pause before another try · ${folded}`;
    }
  }
  return `nothing ran · ${folded}`;
}

const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
const APART_PX = 90;

/** Where the axis has ticks, with clock times that stand at least 90 px apart. */
export function ticks(scale: Scale, createdAt: number): { x: number; words: string }[] {
  const step = STEPS.find((each) => each * scale.perS >= APART_PX) ?? 86400 * Math.ceil(APART_PX / (86400 * scale.perS));
  const found: { x: number; words: string }[] = [];
  const offset = new Date(createdAt * 1000).getTimezoneOffset() * -60;
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  let at = Math.ceil((createdAt + offset + scale.from) / step) * step - offset - createdAt;
  for (let n = 0; at <= scale.to && n < 500; at += step, n += 1) {
    const fold = scale.folds.find((each) => at > each.from && at < each.to);
    if (fold) {
      at += Math.max(0, Math.floor((fold.to - at) / step)) * step;
      continue;
    }
    const words = clock(createdAt + at + 1e-6, digits);
    found.push({ x: scale.x(at), words: step >= 60 ? words.slice(0, 5) : words });
  }
  return found;
}
