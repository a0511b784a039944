// Paints the Timeline: names, bars and meanings of the rows in view, the axis, the critical path, folded time.
import { STATUSES, tallied, type Palette, type Status } from "../core/status";
import { clock, count, day } from "../core/words";
import { drawMark } from "../parts/shapes";
import { drawGroup, drawStep, type Pen } from "./bars";
import type { Where } from "./model";
import type { Picture } from "./picture";
import { countsOf, HIGH, meaning, rowAt, type Placed, type Row } from "./rows";
import { FOLD_PX, ticks, type Scale } from "./scale";

/** The height of the axis. */
export const AXIS = 26;
const LOUD: ReadonlySet<string> = new Set(["failed", "waiting", "retrying", "crashed"]);

/** What is painted. */
export interface Seen {
  of: Picture;
  placed: Placed;
  scale: Scale;
  wide: number;
  high: number;
  scrolled: number;
  names: number;
  meanings: number;
  colours: Palette;
  where: Where | null;
  placeOf: (theirs: number) => number;
  selected: number;
  live: boolean;
  /** what the end of what is shown is: "now", "ended", or "at" a moment */
  said: string;
  drag: [number, number] | null;
  loads: Pen["loads"];
  counts: Map<string, [Status, number][]>;
}

const FONT = "system-ui, -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif";

/** Paint the rows in view with the axis above them, the critical path and what is folded. */
export function paint(on: CanvasRenderingContext2D, seen: Seen): void {
  const { of, placed: { rows, tops }, scale, wide, high, scrolled, names, meanings, colours } = seen;
  on.clearRect(0, 0, wide, high);
  const right = wide - meanings;
  const first = rowAt(tops, scrolled), last = Math.min(rows.length - 1, rowAt(tops, scrolled + high));
  const pen: Pen = { on, of, scale, colours, left: names, loads: seen.loads };
  on.strokeStyle = colours.line;
  on.lineWidth = 1;
  on.font = `11px ${FONT}`;
  on.textBaseline = "middle";
  const marks = ticks(scale, of.run.created_at);
  for (const { x } of marks) vertical(on, names + x, AXIS, high);
  const y = (index: number) => AXIS + tops[index]! - scrolled;
  on.save();
  on.beginPath();
  on.rect(0, AXIS, wide, high - AXIS);
  on.clip();
  for (let index = first; index <= last; index += 1) {
    const row = rows[index]!, h = HIGH[row.kind];
    if (row.at === seen.selected && !row.opened) {
      on.fillStyle = colours.sel;
      on.fillRect(0, y(index), wide, h);
    }
    on.save();
    on.beginPath();
    on.rect(names, y(index), right - names, h);
    on.clip();
    if (row.kind === "group" || (row.kind === "flow" && !row.opened)) drawGroup(pen, row, y(index), h, right - names);
    else drawStep(pen, row.at, y(index), h, row.kind === "element" ? 9 : row.kind === "flow" ? 3 : 11);
    on.restore();
    named(on, seen, row, y(index), h);
    meant(on, seen, row, y(index), h, right);
  }
  if (seen.where) path(on, seen, seen.where, y, right);
  folds(on, seen, right);
  on.restore();
  axis(on, seen, marks, right);
}

function vertical(on: CanvasRenderingContext2D, x: number, from: number, to: number): void {
  on.beginPath();
  on.moveTo(Math.round(x) + 0.5, from);
  on.lineTo(Math.round(x) + 0.5, to);
  on.stroke();
}

function cut(on: CanvasRenderingContext2D, text: string, room: number): string {
  if (on.measureText(text).width <= room) return text;
  let length = Math.max(1, Math.floor(text.length * room / on.measureText(text).width) - 1);
  while (length > 1 && on.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

function named(on: CanvasRenderingContext2D, { of, colours, names, wide }: Seen, row: Row, y: number, h: number): void {
  const status = STATUSES[of.status[row.at] ?? 0] as Status;
  const middle = y + h / 2, x = 12 + row.depth * 14;
  const grouped = row.kind === "group" || row.kind === "flow";
  if (row.kind === "group") {
    on.strokeStyle = colours.line;
    on.beginPath();
    on.moveTo(0, Math.round(y) + 0.5);
    on.lineTo(wide, Math.round(y) + 0.5);
    on.stroke();
  }
  if (grouped) {
    on.strokeStyle = colours.ink2;
    on.lineWidth = 1.5;
    on.beginPath();
    if (row.opened) { on.moveTo(x + 1, middle - 2); on.lineTo(x + 5, middle + 2); on.lineTo(x + 9, middle - 2); }
    else { on.moveTo(x + 3, middle - 4); on.lineTo(x + 7, middle); on.lineTo(x + 3, middle + 4); }
    on.stroke();
    on.lineWidth = 1;
  } else drawMark(on, status, x + 5, middle, row.kind === "element" ? (LOUD.has(status) ? 6 : 4.5) : LOUD.has(status) ? 6.5 : 5.5, colours);
  const strong = row.kind === "group" || LOUD.has(status);
  on.font = `${strong ? 600 : 400} ${row.kind === "element" ? 11 : 11.5}px ${FONT}`;
  on.fillStyle = LOUD.has(status) || grouped ? colours.ink : colours.ink2;
  on.textAlign = "left";
  on.fillText(cut(on, row.label, names - x - 26), x + 17, middle);
}

function meant(on: CanvasRenderingContext2D, { of, colours, wide, meanings, counts }: Seen, row: Row, y: number, h: number, right: number): void {
  const middle = y + h / 2;
  on.textAlign = "right";
  if (row.kind === "group" || (row.kind === "flow" && !row.opened)) {
    let x = wide - 12;
    on.font = `11px ${FONT}`;
    let kept = counts.get(row.key);
    if (!kept) counts.set(row.key, kept = tallied(countsOf(of, row)).reverse());
    for (const [status, n] of kept) {
      const words = count(n), width = on.measureText(words).width;
      if (x - width - 16 < right + 4) break;
      on.fillStyle = colours.text[status];
      on.fillText(words, x, middle);
      drawMark(on, status, x - width - 8, middle, 5, colours);
      x -= width + 20;
    }
    return;
  }
  const status = STATUSES[of.status[row.at] ?? 0] as Status;
  on.font = `11px ${FONT}`;
  on.fillStyle = LOUD.has(status) ? colours.text[status] : colours.ink3;
  if (meanings) on.fillText(cut(on, meaning(of, row.at), meanings - 16), wide - 12, middle);
}

/** The critical path: a line under the bars, joined at right angles. */
function path(on: CanvasRenderingContext2D, seen: Seen, where: Where, y: (index: number) => number, right: number): void {
  const { of, placed: { rows, rowOf }, scale, names, colours, placeOf } = seen;
  on.strokeStyle = colours.ink;
  let before: { x: number; y: number } | null = null;
  on.save();
  on.beginPath();
  on.rect(names, 0, right - names, 1e6);
  on.clip();
  for (const each of where.path) {
    const at = each.step < 0 ? -1 : placeOf(each.step);
    const index = at < 0 ? -1 : (rowOf[at] ?? -1);
    if (index < 0 || each.begin_s > of.until) continue;
    const row = rows[index]!;
    const line = y(index) + HIGH[row.kind] / 2 + (row.kind === "step" ? 7 : row.kind === "element" ? 6 : 11);
    const end = each === where.path.at(-1) && seen.live ? of.until : Math.min(each.end_s, of.until);
    const from = names + scale.x(each.begin_s), to = names + scale.x(end);
    on.beginPath();
    on.lineWidth = 1.4;
    if (before) {
      on.moveTo(before.x, before.y);
      on.lineTo(from, before.y);
      on.lineTo(from, line);
    }
    on.stroke();
    on.beginPath();
    on.lineWidth = 2;
    on.moveTo(from, line);
    on.lineTo(to, line);
    on.stroke();
    before = { x: to, y: line };
  }
  on.restore();
}

function folds(on: CanvasRenderingContext2D, { scale, names, colours, high }: Seen, right: number): void {
  for (const fold of scale.folds) {
    const x = names + scale.x(fold.from);
    if (x > right) continue;
    const colour = fold.words.startsWith("crashed") ? colours.text.crashed : colours.ink3;
    on.fillStyle = colours.bg;
    on.fillRect(x, 0, FOLD_PX, high);
    on.strokeStyle = colour;
    on.lineWidth = 1;
    for (const edge of [x, x + FOLD_PX]) {
      on.beginPath();
      for (let y = AXIS; y < high; y += 4) on.lineTo(edge + ((y - AXIS) / 4 % 2 ? 2 : -2), y);
      on.stroke();
    }
    on.save();
    on.translate(x + FOLD_PX / 2, high / 2);
    on.rotate(-Math.PI / 2);
    on.fillStyle = colour;
    on.textAlign = "center";
    on.font = `11px ${FONT}`;
    on.fillText(cut(on, fold.words, high - 40), 0, 0);
    on.restore();
  }
}

function axis(on: CanvasRenderingContext2D, seen: Seen, marks: { x: number; words: string }[], right: number): void {
  const { of, colours, names, wide, scale, high, meanings } = seen;
  on.fillStyle = colours.bg;
  on.fillRect(0, 0, wide, AXIS);
  on.strokeStyle = colours.line;
  on.beginPath();
  on.moveTo(0, AXIS - 0.5);
  on.lineTo(wide, AXIS - 0.5);
  on.stroke();
  vertical(on, names - 8, 0, high);
  if (meanings) vertical(on, right + 4, 0, high);
  on.font = `11px ${FONT}`;
  on.textAlign = "left";
  on.fillStyle = colours.ink3;
  on.fillText(names > 150 ? "step, in order of first start" : "step", 12, AXIS / 2);
  const end = `${seen.said} ${clock(of.run.created_at + of.until)}`;
  on.font = `600 11px ${FONT}`;
  const width = on.measureText(end).width;
  const x = names + scale.x(of.until);
  const shown = scale.to >= of.until - 1e-9;
  if (shown) {
    on.fillStyle = on.strokeStyle = colours.ink;
    on.textAlign = "right";
    on.fillText(end, Math.min(x - 4, right - 2), AXIS / 2);
    vertical(on, x, 0, high);
  }
  on.font = `11px ${FONT}`;
  on.textAlign = "left";
  on.fillStyle = colours.ink2;
  const date = (marks[1]?.x ?? 1e9) - (marks[0]?.x ?? 0) > 150 ? ` ${day(of.run.created_at)}` : "";
  marks.forEach((each, index) => {
    const words = each.words + (index ? "" : date);
    if (names + each.x + on.measureText(words).width < (shown ? Math.min(x, right) - width - 12 : right)) on.fillText(words, names + each.x, AXIS / 2);
  });
  if (seen.drag) {
    on.fillStyle = colours.ink;
    on.globalAlpha = 0.14;
    on.fillRect(Math.min(...seen.drag), 0, Math.abs(seen.drag[1] - seen.drag[0]), high);
    on.globalAlpha = 1;
  }
}
