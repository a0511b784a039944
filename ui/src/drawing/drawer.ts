// The drawing's worker: it holds what is laid out and paints the stage, so that the page itself never waits for it.
import { worker } from "../core/trusted";
import type { Picture } from "../run/picture";
import type { Answers } from "./drawing";
import type { Camera, Wishes } from "./scene";
import url from "./worker.ts?worker&url";

/** Columns of a picture that change while its steps stay the same. */
const CHANGING = ["status", "flags", "created", "ready", "began", "ended", "attempts"] as const;
const COLUMNS = [...CHANGING, "name", "parent", "element"] as const;

/** One drawing on two canvases, which are given away to it for good. */
export class Drawer {
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
