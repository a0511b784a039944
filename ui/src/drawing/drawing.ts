// A scene on its canvases, and the questions that it answers; the same on the page and in a worker.
import { paintMini } from "./mini";
import { Scene, type Camera, type Entry, type Found } from "./scene";
import type { Move } from "./trace";

export const MINI = 104;
const REST_MS = 120;

/** Questions about a scene, by name; each is asked of the scene that stands when it arrives. */
export interface Answers {
  point(x: number, y: number): Found | null;
  leave(): void;
  move(move: Move): Found | null;
  list(most: number): Entry[];
  at(key: string): [number, number] | null;
  fit(): Camera;
  box(): [number, number, number, number];
}

/** What a scene answers; the same here and in the worker. */
export function answer(scene: Scene, what: keyof Answers, of: unknown[]): unknown {
  if (!scene.picture) return null;
  if (what === "box") return scene.layout.box;
  return (scene[what] as (...of: unknown[]) => unknown).apply(scene, of);
}

/** Draws one scene on two canvases, at most once a frame. */
export class Painter {
  readonly scene = new Scene();
  private due = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly canvas: HTMLCanvasElement | OffscreenCanvas, private readonly mini: HTMLCanvasElement | OffscreenCanvas | null) {}

  /** Looks elsewhere: at once, and sharply when it has come to rest. */
  look(camera: Camera, turn: number): void {
    const { scene } = this;
    scene.moving = camera.scale !== scene.camera.scale || camera.x !== scene.camera.x || camera.y !== scene.camera.y;
    Object.assign(scene, { camera, turn });
    this.soon();
    clearTimeout(this.rest);
    if (!scene.moving) return;
    this.rest = setTimeout(() => {
      scene.moving = false;
      this.soon();
    }, REST_MS);
  }

  soon(): void {
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.now();
    });
  }

  now(): void {
    const { scene, canvas, mini } = this;
    if (!scene.picture) return;
    const { wide, high, ratio } = scene.wishes;
    fitTo(canvas, wide * ratio, high * ratio);
    const on = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D | null;
    if (on) scene.draw(on);
    if (!mini) return;
    fitTo(mini, MINI * ratio, MINI * ratio);
    const small = mini.getContext("2d") as CanvasRenderingContext2D | null;
    if (small) paintMini(small, scene, MINI);
  }

  close(): void {
    cancelAnimationFrame(this.due);
  }
}

function fitTo(canvas: HTMLCanvasElement | OffscreenCanvas, wide: number, high: number): void {
  const w = Math.max(1, Math.round(wide)), h = Math.max(1, Math.round(high));
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
}
