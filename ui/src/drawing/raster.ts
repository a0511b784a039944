// Very many marks and edges as pixels: edges add up to a density, marks are dots, the hot ones larger and last. No DOM.
import { HOT, STATUSES, type Palette } from "../core/status";
import type { Scene } from "./scene";

const TONES = 256;
const SLOW_MS = 16;

/** A colour of the palette as red, green and blue. */
export function rgb(colour: string): [number, number, number] {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour.trim())?.[1];
  if (!hex) return [128, 128, 128];
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

const packed = ([r, g, b]: readonly number[]): number => ((255 << 24) | (b! << 16) | (g! << 8) | r!) >>> 0;
const mixed = (a: readonly number[], b: readonly number[], part: number): number[] => a.map((each, i) => Math.round(each + (b[i]! - each) * part));

/** Pixels of one size, kept from frame to frame. */
export class Raster {
  private wide = 0;
  private high = 0;
  private density = new Uint16Array();
  private pixels = new Uint32Array();
  private image: ImageData | null = null;
  private stride = 1; // while moving every so many edges are drawn, each for as many

  /** The scene's edges, and its marks where they are `dots`, over the ground. `scale` is pixels a stage pixel. */
  draw(scene: Scene, scale: number, edges: boolean, dots: boolean): ImageData {
    const { wishes } = scene;
    this.size(Math.ceil(wishes.wide * scale), Math.ceil(wishes.high * scale));
    this.density.fill(0);
    if (edges) this.quick(scene, scale);
    this.tone(wishes.colours, scene.trace ? 0.4 : 1);
    if (dots) this.dots(scene, scale);
    return this.image!;
  }

  private size(wide: number, high: number): void {
    if (wide === this.wide && high === this.high && this.image) return;
    this.wide = wide;
    this.high = high;
    this.density = new Uint16Array(wide * high);
    this.image = new ImageData(wide, high);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Draws all edges at rest, and as many as there is time for while the camera moves. */
  private quick(scene: Scene, scale: number): void {
    const began = performance.now();
    this.edges(scene, scale, scene.moving ? this.stride : 1);
    const took = performance.now() - began;
    if (!scene.moving) return;
    if (took > SLOW_MS) this.stride = Math.min(16, this.stride * 2);
    else if (took < SLOW_MS / 4) this.stride = Math.max(1, this.stride / 2);
  }

  private edges(scene: Scene, scale: number, stride: number): void {
    const { items, layout, camera } = scene;
    const k = camera.scale * scale, dx = camera.x * scale, dy = camera.y * scale;
    const { from, to } = items;
    const { x, y } = layout;
    for (let e = 0; e < from.length; e += stride) {
      const a = from[e]!, b = to[e]!;
      this.line(x[a]! * k + dx, y[a]! * k + dy, x[b]! * k + dx, y[b]! * k + dy, stride);
    }
  }

  /** Adds `weight` to each pixel of a line, cut to the picture. */
  private line(x0: number, y0: number, x1: number, y1: number, weight: number): void {
    const { wide, high, density } = this;
    const w = wide - 1, h = high - 1;
    let low = 0, end = 1;
    const dx = x1 - x0, dy = y1 - y0;
    if (dx === 0) {
      if (x0 < 0 || x0 > w) return;
    } else {
      const a = -x0 / dx, b = (w - x0) / dx;
      low = Math.max(low, Math.min(a, b));
      end = Math.min(end, Math.max(a, b));
    }
    if (dy === 0) {
      if (y0 < 0 || y0 > h) return;
    } else {
      const a = -y0 / dy, b = (h - y0) / dy;
      low = Math.max(low, Math.min(a, b));
      end = Math.min(end, Math.max(a, b));
    }
    if (low > end) return;
    const ax = x0 + dx * low, ay = y0 + dy * low, bx = x0 + dx * end, by = y0 + dy * end;
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(bx - ax), Math.abs(by - ay))));
    const sx = (bx - ax) / steps, sy = (by - ay) / steps;
    for (let i = 0, px = ax + 0.5, py = ay + 0.5; i <= steps; i++, px += sx, py += sy) {
      const at = (py | 0) * wide + (px | 0);
      if (at < density.length) density[at]! += weight;
    }
  }

  /** The density as shades between the ground and the faintest ink. */
  private tone(colours: Palette, strength: number): void {
    const ground = rgb(colours.bg), ink = rgb(colours.ink3);
    const tones = new Uint32Array(TONES);
    for (let d = 0; d < TONES; d++) tones[d] = packed(mixed(ground, ink, strength * 0.62 * (1 - Math.exp(-d * 0.22))));
    const { density, pixels } = this;
    for (let i = 0; i < pixels.length; i++) pixels[i] = tones[density[i]! < TONES ? density[i]! : TONES - 1]!;
  }

  private dots(scene: Scene, scale: number): void {
    const { layout, worst, camera, trace, keptItems } = scene;
    const { colours } = scene.wishes;
    const ground = rgb(colours.bg);
    const full = STATUSES.map((each) => packed(rgb(colours.fill[each].startsWith("#") ? colours.fill[each] : colours.line2)));
    const faint = STATUSES.map((each) => packed(mixed(ground, rgb(colours.fill[each].startsWith("#") ? colours.fill[each] : colours.line2), 0.22)));
    const hot = STATUSES.map((each) => HOT.has(each)), running = STATUSES.indexOf("running");
    const k = camera.scale * scale;
    const late: number[] = [];
    const size = Math.max(2, Math.round(2 * scale));
    for (let i = 0; i < worst.length; i++) {
      const status = worst[i]!;
      if (status === 255) continue;
      if (hot[status] || status === running) {
        late.push(i);
        continue;
      }
      const dim = (trace && !trace[i]) || (keptItems && !keptItems[i]);
      this.dot(layout.x[i]! * k + camera.x * scale, layout.y[i]! * k + camera.y * scale, size, (dim ? faint : full)[status]!);
    }
    late.sort((a, b) => Number(hot[worst[a]!]) - Number(hot[worst[b]!]));
    for (const i of late) {
      const dim = (trace && !trace[i]) || (keptItems && !keptItems[i]);
      this.dot(layout.x[i]! * k + camera.x * scale, layout.y[i]! * k + camera.y * scale, size + Math.round(scale) + Number(hot[worst[i]!]), (dim ? faint : full)[worst[i]!]!);
    }
  }

  private dot(x: number, y: number, size: number, colour: number): void {
    const left = Math.round(x - size / 2), top = Math.round(y - size / 2);
    if (left < 0 || top < 0 || left + size > this.wide || top + size > this.high) return;
    for (let row = top; row < top + size; row++) {
      const at = row * this.wide + left;
      for (let i = at; i < at + size; i++) this.pixels[i] = colour;
    }
  }
}
