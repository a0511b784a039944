// Who draws: the page itself, or for very many steps a worker on a canvas of its own. Both answer the same questions.
import { worker } from "../core/trusted";
import type { Picture } from "../run/picture";
import { answer, Painter, type Answers } from "./drawing";
import type { Camera, Wishes } from "./scene";
import url from "./worker.ts?worker&url";

export interface Drawer {
  show(picture: Picture, wishes: Wishes): void;
  look(camera: Camera, turn: number): void;
  ask<K extends keyof Answers>(what: K, ...of: Parameters<Answers[K]>): Promise<ReturnType<Answers[K]>>;
  close(): void;
}

export class Here implements Drawer {
  private readonly painter: Painter;

  constructor(canvas: HTMLCanvasElement, mini: HTMLCanvasElement) {
    this.painter = new Painter(canvas, mini);
  }

  show(picture: Picture, wishes: Wishes): void {
    this.painter.scene.show(picture, wishes);
    this.painter.soon();
  }

  look(camera: Camera, turn: number): void {
    Object.assign(this.painter.scene, { camera, turn });
    this.painter.soon();
  }

  async ask<K extends keyof Answers>(what: K, ...of: Parameters<Answers[K]>): Promise<ReturnType<Answers[K]>> {
    const found = answer(this.painter.scene, what, of) as ReturnType<Answers[K]>;
    if (what === "point" || what === "leave") this.painter.soon();
    return found;
  }

  close(): void {
    this.painter.close();
  }
}

/** Columns of a picture that change while its steps stay the same. */
const CHANGING = ["status", "flags", "created", "ready", "began", "ended", "attempts"] as const;
const COLUMNS = [...CHANGING, "name", "parent", "element"] as const;

export class There implements Drawer {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, (of: never) => void>();
  private asked = 0;
  private sent: { n: number; edges: number } | null = null;

  constructor(canvas: HTMLCanvasElement, mini: HTMLCanvasElement) {
    this.worker = worker(url);
    this.worker.onmessage = ({ data }: MessageEvent<{ id: number; found: never }>) => {
      this.waiting.get(data.id)?.(data.found);
      this.waiting.delete(data.id);
    };
    const both = [canvas.transferControlToOffscreen(), mini.transferControlToOffscreen()] as const;
    this.worker.postMessage({ begin: both }, [...both]);
  }

  show(picture: Picture, wishes: Wishes): void {
    const { n, from, to, cause, labels, maps, until } = picture;
    const same = this.sent?.n === n && this.sent.edges === from.length;
    const part: Record<string, unknown> = { n, cause, until, maps };
    for (const each of same ? CHANGING : COLUMNS) part[each] = picture[each].slice(0, n);
    if (!same) Object.assign(part, { from, to, labels, keys: picture.keys.slice(0, n), names: picture.names });
    this.sent = { n, edges: from.length };
    this.worker.postMessage({ show: part, wishes });
  }

  look(camera: Camera, turn: number): void {
    this.worker.postMessage({ look: camera, turn });
  }

  ask<K extends keyof Answers>(what: K, ...of: Parameters<Answers[K]>): Promise<ReturnType<Answers[K]>> {
    const id = ++this.asked;
    return new Promise((done) => {
      this.waiting.set(id, done as (of: never) => void);
      this.worker.postMessage({ ask: what, of, id });
    });
  }

  close(): void {
    this.worker.terminate();
  }
}
