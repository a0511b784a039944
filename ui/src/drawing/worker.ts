// The worker that draws runs of very many steps: the page sends what is to be shown and where it looks, and asks.
import type { Picture } from "../run/picture";
import { answer, Painter, type Answers } from "./drawing";
import type { Camera, Wishes } from "./scene";

type Message =
  | { begin: readonly [OffscreenCanvas, OffscreenCanvas] }
  | { show: Partial<Picture>; wishes: Wishes }
  | { look: Camera; turn: number }
  | { ask: keyof Answers; of: unknown[]; id: number };

let painter: Painter | null = null;
let picture = {} as Picture;

self.onmessage = ({ data }: MessageEvent<Message>) => {
  if ("begin" in data) painter = new Painter(...data.begin);
  if (!painter) return;
  if ("show" in data) {
    picture = { ...picture, ...data.show };
    painter.scene.show(picture, data.wishes);
    painter.soon();
  } else if ("look" in data) {
    painter.look(data.look, data.turn);
  } else if ("ask" in data) {
    self.postMessage({ id: data.id, found: answer(painter.scene, data.ask, data.of) });
    if (data.ask === "point" || data.ask === "leave") painter.soon();
  }
};
