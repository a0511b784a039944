// The whole run in few pixels: its rings as pieces of arc by status, hot ones thicker. No DOM.
import { HOT, STATUSES, TALLY, type Palette } from "../core/status";
import type { Layout } from "./layout";
import type { Canvas } from "./pen";
import type { Scene } from "./scene";
import { turned, TURN } from "./separate";

const BINS = 120;
const RINGS = 16;
const URGENT = STATUSES.map((each) => TALLY.length - TALLY.indexOf(each));

/** The most urgent status by ring and by piece of the circle; 255 where nothing stands. */
export function pieces(layout: Layout, worst: Uint8Array, counts: Int32Array): { rings: number; status: Uint8Array } {
  const rings = Math.max(1, Math.min(RINGS, layout.depth));
  const status = new Uint8Array(rings * BINS).fill(255);
  const [, top, , low] = layout.box;
  const most = worst.map((of, i) => (of === 255 ? of : largest(counts, i * STATUSES.length)));
  for (let i = 0; i < worst.length; i++) {
    if (worst[i] === 255) continue;
    const ring = Math.min(rings - 1, Math.floor(((layout.level[i]! - 1) / layout.depth) * rings));
    const part = layout.round ? turned(layout.angle[i]!) / TURN : (layout.angle[i]! - top) / Math.max(1, low - top);
    const wide = layout.round ? Math.max(layout.half[i]!, 9 / layout.radius[layout.level[i]!]!) / TURN : 0;
    const first = Math.floor((part - wide) * BINS), last = Math.floor((part + wide) * BINS);
    for (let bin = first; bin <= last; bin++) {
      const at = ring * BINS + (((bin % BINS) + BINS) % BINS);
      const of = bin < last || first === last ? most[i]! : worst[i]!; // a group is as most of it is, and ends as the worst of it
      if (status[at] === 255 || URGENT[of]! > URGENT[status[at]!]!) status[at] = of;
    }
  }
  return { rings, status };
}

function arcs(on: Canvas, status: Uint8Array, r: number, thick: number, colours: Palette): void {
  for (let bin = 0; bin < BINS; ) {
    let end = bin + 1;
    while (end < BINS && status[end] === status[bin]) end++;
    const of = STATUSES[status[bin]!];
    if (of) {
      on.strokeStyle = of === "pending" || of === "ready" || of === "skipped" ? colours.line2 : colours.fill[of];
      on.lineWidth = HOT.has(of) ? thick * 1.5 : thick;
      on.beginPath();
      on.arc(0, 0, r, (bin / BINS) * TURN - 0.02, (end / BINS) * TURN + 0.02);
      on.stroke();
    }
    bin = end;
  }
}

/** The scene in a square of `size`, with what the stage shows of it as a rectangle. */
export function paintMini(on: Canvas, scene: Scene, size: number): void {
  const { layout, camera } = scene;
  const { ratio, colours, wide, high } = scene.wishes;
  on.setTransform(ratio, 0, 0, ratio, 0, 0);
  on.clearRect(0, 0, size, size);
  if (!scene.items.n) return;
  const { rings, status } = scene.pieces;
  const [left, top, right, low] = layout.box;
  const k = (size - 14) / Math.max(right - left, low - top, 1);
  const mx = size / 2 - ((left + right) / 2) * k, my = size / 2 - ((top + low) / 2) * k;
  if (layout.round) {
    on.translate(size / 2, size / 2);
    const first = layout.radius[1]! * k;
    for (let ring = 0; ring < rings; ring++) {
      const l = Math.max(1, Math.ceil(((ring + 0.5) / rings) * layout.depth));
      arcs(on, status.subarray(ring * BINS, (ring + 1) * BINS), Math.max(first, layout.radius[l]! * k), 2.2, colours);
    }
    on.translate(-size / 2, -size / 2);
  } else {
    for (let at = 0; at < status.length; at++) {
      const of = STATUSES[status[at]!];
      if (!of) continue;
      on.fillStyle = of === "pending" || of === "ready" || of === "skipped" ? colours.line2 : colours.fill[of];
      const l = Math.max(1, Math.ceil(((Math.floor(at / BINS) + 0.5) / rings) * layout.depth));
      const thick = HOT.has(of) ? 3 : 2;
      on.fillRect(mx + layout.radius[l]! * k - 1, my + (top + ((at % BINS) / BINS) * (low - top)) * k - 1, thick + 1, thick);
    }
  }
  const x = mx - (camera.x / camera.scale) * k, y = my - (camera.y / camera.scale) * k;
  const w = (wide / camera.scale) * k, h = (high / camera.scale) * k;
  if (w >= (right - left) * k && h >= (low - top) * k) return;
  const clip = (of: number) => Math.max(1, Math.min(size - 1, of));
  on.strokeStyle = colours.ink;
  on.lineWidth = 1.2;
  on.strokeRect(clip(x), clip(y), clip(x + w) - clip(x), clip(y + h) - clip(y));
}

function largest(counts: Int32Array, from: number): number {
  let best = 0;
  for (let s = 1; s < STATUSES.length; s++) if (counts[from + s]! > counts[from + best]!) best = s;
  return best;
}
