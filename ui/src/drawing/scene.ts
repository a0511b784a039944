// One drawing of a run, on the page or in a worker: what is laid out, looked at, pointed at and painted. No DOM.
import { HOT, STATUSES, type Palette, type Status } from "../core/status";
import type { Picture } from "../run/picture";
import { drawMark } from "../parts/shapes";
import { countsOf, GROUP, itemsOf, type Items } from "./items";
import { layOut, type Layout } from "./layout";
import type { Box } from "./labels";
import { pieces } from "./mini";
import { paint } from "./paint";
import { Raster } from "./raster";
import type { Canvas } from "./pen";
import { hit, moved, traced, type Move } from "./trace";

/** Where the stage looks: `scale` screen pixels a pixel of the layout, whose origin stands at x, y. */
export interface Camera {
  scale: number;
  x: number;
  y: number;
}

export interface Wishes {
  round: boolean;
  open: ReadonlySet<string>;
  wide: number;
  high: number;
  ratio: number; // device pixels a pixel
  colours: Palette;
  selected: string | null;
  kept: Uint8Array | null; // by step: 0 for what the filter leaves out
  still: boolean; // nothing turns
}

/** What stands under the pointer, or has the focus. */
export interface Found {
  key: string;
  label: string;
  kind: number;
  step: string; // the key of its first step
  band: string | null; // the opened group that it is a member of
  scope: string | null; // the opened subflow around it
  size: number;
}

export interface Entry {
  key: string;
  words: string;
}

export class Scene {
  picture: Picture | null = null;
  items!: Items;
  layout!: Layout;
  counts!: Int32Array;
  worst!: Uint8Array;
  total: number[] = []; // counts of all, by status
  keptItems: Uint8Array | null = null; // by item: 0 for what the filter leaves out
  readonly raster = new Raster();
  wishes!: Wishes;
  camera: Camera = { scale: 1, x: 0, y: 0 };
  hover = -1;
  focus = -1;
  trace: Uint8Array | null = null;
  turn = 0;
  readonly places = new Map<number, number>();
  readonly boxes = new Map<number, Box>();
  moving = false; // the camera is on its way: quickness before sharpness
  pieces: { rings: number; status: Uint8Array } = { rings: 0, status: new Uint8Array() };
  private shape = "";
  private edges = -1;
  private trouble = "";

  /** Shows a picture as wished; lays it out anew where its steps, what is open or the stage changed. */
  show(picture: Picture, wishes: Wishes): void {
    const side = sideOf(wishes);
    const shape = [picture.n, wishes.round, [...wishes.open].sort().join(","), side].join("|");
    const anew = shape !== this.shape || this.edges !== picture.from.length || this.trouble !== troubled(this.items, picture);
    this.picture = picture;
    this.wishes = wishes;
    if (anew) {
      const hover = this.items && this.hover >= 0 ? this.items.key[this.hover] : null;
      this.items = itemsOf(picture, wishes.open);
      this.layout = layOut(this.items, wishes.round, { side, column: (item) => 30 + this.items.label[item]!.length * 6.4 });
      this.places.clear();
      this.hover = hover ? this.items.key.indexOf(hover) : -1;
      this.shape = shape;
      this.edges = picture.from.length;
      this.trouble = troubled(this.items, picture);
    }
    ({ counts: this.counts, worst: this.worst } = countsOf(this.items, picture));
    this.total = STATUSES.map((_, s) => {
      let sum = 0;
      for (let at = s; at < this.counts.length; at += STATUSES.length) sum += this.counts[at]!;
      return sum;
    });
    this.keptItems = wishes.kept && keptItems(this.items, wishes.kept);
    this.pieces = pieces(this.layout, this.worst, this.counts);
    this.aim();
  }

  /** What is traced: the item under the pointer, else the selected one. */
  private aim(): void {
    this.focus = this.itemOf(this.wishes.selected);
    const of = this.hover >= 0 ? this.hover : this.focus;
    this.trace = of >= 0 ? traced(this.layout, of) : null;
  }

  /** The item that shows a key: of a step, or of a group or subflow. */
  itemOf(key: string | null): number {
    if (key === null || !this.picture) return -1;
    const item = this.items.key.indexOf(key);
    if (item >= 0) return item;
    const step = this.picture.keys.indexOf(key);
    return step >= 0 ? this.items.itemOf[step]! : -1;
  }

  status(item: number): Status {
    return STATUSES[this.worst[item]!] ?? "pending";
  }

  seen = (item: number): boolean => this.worst[item] !== 255;
  hot = (item: number): boolean => HOT.has(this.status(item));

  /** The camera that shows all. */
  fit(): Camera {
    const [left, top, right, low] = this.layout.box;
    const { wide, high } = this.wishes;
    const scale = Math.min(1, (wide - 40) / Math.max(1, right - left), (high - 40) / Math.max(1, low - top));
    return { scale, x: wide / 2 - ((left + right) / 2) * scale, y: high / 2 - ((top + low) / 2) * scale };
  }

  /** Points at a place of the stage. */
  point(x: number, y: number): Found | null {
    const { scale } = this.camera;
    this.hover = hit(this.layout, (x - this.camera.x) / scale, (y - this.camera.y) / scale, 11 / scale, this.hot, this.seen);
    if (this.hover < 0) for (const [item, box] of this.boxes) if (x >= box.x && x <= box.x + box.w && y >= box.y && y <= box.y + box.h) this.hover = item;
    this.aim();
    return this.found(this.hover);
  }

  leave(): void {
    this.hover = -1;
    this.aim();
  }

  found(item: number): Found | null {
    if (item < 0) return null;
    const { items } = this;
    return {
      key: items.key[item]!, label: items.label[item]!, kind: items.kind[item]!, step: this.picture!.keys[items.face[item]!]!,
      band: items.bands[items.band[item]!]?.key ?? null, scope: items.scopes[items.scope[item]!]?.key ?? null, size: items.size[item]!,
    };
  }

  /** The item that a key leads to from the selected one; the first one where none is selected. */
  move(move: Move): Found | null {
    const from = this.focus;
    if (from < 0) return this.found(this.order().next().value ?? -1);
    return this.found(moved(this.layout, from, move, this.seen));
  }

  /** Where an item stands on the stage. */
  at(key: string): [number, number] | null {
    const item = this.itemOf(key);
    if (item < 0) return null;
    return [this.layout.x[item]! * this.camera.scale + this.camera.x, this.layout.y[item]! * this.camera.scale + this.camera.y];
  }

  private *order(): Generator<number> {
    for (const ring of this.layout.rings) for (const item of ring?.items ?? []) if (this.seen(item)) yield item;
  }

  /** The items in words, in ring order: at most `most`, about the selected one. */
  list(most: number): Entry[] {
    const all = [...this.order()];
    const at = Math.max(0, Math.min(all.indexOf(this.focus) - (most >> 1), all.length - most));
    return all.slice(at, at + most).map((item) => ({ key: this.items.key[item]!, words: this.words(item) }));
  }

  /** "train[13], failed, CUDA out of memory, ring 5, needs propose_trials, needed by evaluate[13]" */
  words(item: number): string {
    const { items, layout } = this;
    const names = (of: readonly number[]) =>
      of.slice(0, 4).map((each) => items.label[each]!).join(", ") + (of.length > 4 ? ` and ${of.length - 4} more` : "");
    const parts = [items.kind[item] === GROUP ? `${items.label[item]} × ${items.size[item]}` : items.label[item]!, this.status(item)];
    const cause = this.picture!.cause.get(items.face[item]!);
    if (cause && this.hot(item)) parts.push(cause);
    parts.push(`${layout.round ? "ring" : "column"} ${layout.level[item]}`);
    if (layout.preds[item]!.length) parts.push(`needs ${names(layout.preds[item]!)}`);
    if (layout.succs[item]!.length) parts.push(`needed by ${names(layout.succs[item]!)}`);
    return parts.join(", ");
  }

  /** An item's mark, half as wide as `r`. */
  mark(on: Canvas, item: number, x: number, y: number, r: number): void {
    drawMark(on, this.status(item), x, y, r, this.wishes.colours, this.turn);
  }

  draw(on: Canvas): void {
    paint(on, this);
  }
}

/** Half the side that Radar is laid out for, in steps of 20 px, so that a stage that is dragged changes little. */
function sideOf({ wide, high }: Wishes): number {
  return Math.max(120, Math.floor((Math.min(wide, high) / 2 - 22) / 20) * 20);
}

/** Which groups open by themselves: where that changes, the shape does. */
function troubled(items: Items, picture: Picture): string {
  const hot = (step: number) => HOT.has(STATUSES[picture.status[step]!]!);
  return items.watched.flatMap((members, g) => (members.some(hot) ? [g] : [])).join(",");
}

function keptItems(items: Items, kept: Uint8Array): Uint8Array {
  const found = new Uint8Array(items.n);
  for (let i = 0; i < items.itemOf.length; i++) if (kept[i] && items.itemOf[i]! >= 0) found[items.itemOf[i]!] = 1;
  return found;
}
