// The marks of all statuses: one table of shapes in a 16-unit box, drawn as SVG in text and on canvases in pictures.
import type { Palette, Status } from "../core/status";

/** A stroke or an area. ink "text" and "fill" are the status's own colours, "on" is what stands on its fill. */
export interface Shape {
  d: string;
  fill?: "fill" | "text";
  stroke?: "text" | "on";
  width?: number;
  dash?: readonly [number, number];
  /** left out below 13 px */
  fine?: boolean;
}

export const SHAPES: Readonly<Record<Status, readonly Shape[]>> = {
  pending: [{ d: "M8 2.6A5.4 5.4 0 1 1 7.99 2.6Z", stroke: "text", width: 1.7, dash: [0.1, 3.29] }],
  ready: [{ d: "M8 2.6A5.4 5.4 0 1 1 7.99 2.6Z", stroke: "text", width: 1.5 }],
  waiting: [
    { d: "M8 1 15 8 8 15 1 8Z", fill: "fill", stroke: "text", width: 1 },
    { d: "M6.5 6V10M9.5 6V10", stroke: "on", width: 1.6 },
  ],
  running: [
    { d: "M8 2.3A5.7 5.7 0 1 1 2.3 8", stroke: "text", width: 2 },
    { d: "M8 5.7A2.3 2.3 0 1 1 7.99 5.7Z", fill: "fill" },
  ],
  retrying: [
    { d: "M8 1.7 15.1 14.2H.9Z", fill: "fill", stroke: "text", width: 1 },
    { d: "M8 6.2V9.7M8 11.8V11.9", stroke: "on", width: 1.7 },
  ],
  succeeded: [
    { d: "M8 2A6 6 0 1 1 7.99 2Z", fill: "fill" },
    { d: "M5.3 8.2 7.2 10.1 10.8 6.2", stroke: "on", width: 1.6, fine: true },
  ],
  cached: [
    { d: "M8 2.7A5.3 5.3 0 1 1 7.99 2.7Z", stroke: "text", width: 1.4 },
    { d: "M2.7 8A5.3 5.3 0 0 0 13.3 8Z", fill: "fill" },
  ],
  failed: [
    { d: "M3 1.5H13A1.5 1.5 0 0 1 14.5 3V13A1.5 1.5 0 0 1 13 14.5H3A1.5 1.5 0 0 1 1.5 13V3A1.5 1.5 0 0 1 3 1.5Z", fill: "fill" },
    { d: "M5.3 5.3 10.7 10.7M10.7 5.3 5.3 10.7", stroke: "on", width: 1.7 },
  ],
  cancelled: [{ d: "M8 2.6A5.4 5.4 0 1 1 7.99 2.6ZM4.2 11.8 11.8 4.2", stroke: "text", width: 1.5 }],
  skipped: [{ d: "M3 4.4 6.6 8 3 11.6M8.8 4.4 12.4 8 8.8 11.6", stroke: "text", width: 1.9 }],
  crashed: [
    { d: "M1.5 1.5H9L6.8 6.4H9.6L5.4 14.5H1.5Z", fill: "fill" },
    { d: "M11.2 1.5H14.5V14.5H7.6L12.4 4.8H9.8Z", fill: "fill" },
  ],
};

/** What stands on the fill of `retrying`, which is bright in both themes. */
const DARK = "#1A1C20";

const paths = new Map<string, Path2D>();

function pathOf(d: string): Path2D {
  let found = paths.get(d);
  if (!found) {
    found = new Path2D(d);
    paths.set(d, found);
  }
  return found;
}

/**
 * Draw the mark with its middle at x, y and half its size `r`, in pixels. `turn`, in radians, turns the ring of what runs.
 */
export function drawMark(
  on: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D, status: Status, x: number, y: number, r: number,
  colours: Pick<Palette, "text" | "fill" | "bg">, turn = 0,
): void {
  on.save();
  on.translate(x, y);
  if (turn && status === "running") on.rotate(turn);
  on.scale(r / 8, r / 8);
  on.translate(-8, -8);
  on.lineCap = "round";
  on.lineJoin = "round";
  for (const shape of SHAPES[status]) {
    if (shape.fine && r < 6.5) continue;
    const path = pathOf(shape.d);
    if (shape.fill) {
      on.fillStyle = colours[shape.fill][status];
      on.fill(path);
    }
    if (shape.stroke) {
      on.strokeStyle = shape.stroke === "text" ? colours.text[status] : status === "retrying" ? DARK : colours.bg;
      on.lineWidth = shape.width ?? 1.5;
      on.setLineDash(shape.dash ? [...shape.dash] : []);
      on.stroke(path);
    }
  }
  on.restore();
}
