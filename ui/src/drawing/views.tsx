// Radar and Graph: the drawing of a run on a stage that is panned, zoomed, pointed at and walked by keys.
import { useEffect, useRef } from "preact/hooks";
import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { number, param } from "../core/router";
import { ENDED, palette, STATUSES } from "../core/status";
import { many } from "../core/words";
import { Button } from "../parts/controls";
import type { RunModel } from "../run/model";
import * as state from "../run/state";
import { useKeys } from "../shell/keys";
import { theme } from "../shell/theme";
import "../style/drawing.css";
import { Drawer } from "./drawer";
import type { Camera, Entry, Found } from "./scene";
import type { Move } from "./trace";

type View = { model: RunModel };

export const RadarView = ({ model }: View) => <Stage key="radar" model={model} round name="Radar" />;
export const GraphView = ({ model }: View) => <Stage key="graph" model={model} round={false} name="Graph" />;

const MINI = 104;
const GROUP = 1, FLOW = 2; // kinds of items, as in items.ts, which only the worker needs

const LISTED = 60;
const GLIDE_MS = 240;
const z = param<number | null>("z", number, "replace"), px = param<number | null>("x", number, "replace"), py = param<number | null>("y", number, "replace");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const RUNNING = STATUSES.indexOf("running");

/** What is opened, with what the reader closed though it opens by itself. */
function opened(): ReadonlySet<string> {
  return new Set([...state.open.value, ...[...state.closed.value].map((each) => `-${each}`)]);
}

/** The selected step or group by its whole key: an address may name it as the command line does. */
function keyOf(model: RunModel): string | null {
  const chosen = state.selection.value;
  return chosen && (model.resolve(chosen) ?? chosen);
}

/** The stage's own state, outside of what the views share. */
class Looking {
  drawer: Drawer | null = null;
  camera: Camera = { scale: 1, x: 0, y: 0 };
  fit: Camera = { scale: 1, x: 0, y: 0 };
  touched = false; // the reader has moved the camera: it is theirs
  wide = 0;
  high = 0;
  turn = 0;
  private frame = 0;

  look(camera: Camera): void {
    this.camera = camera;
    this.drawer?.look(camera, this.turn);
  }

  /** Glides to another place, unless motion is not wanted. */
  glide(to: Camera): void {
    cancelAnimationFrame(this.frame);
    if (still.matches) return this.look(to);
    const from = this.camera, began = performance.now();
    const step = () => {
      const t = Math.min(1, (performance.now() - began) / GLIDE_MS), k = 1 - (1 - t) ** 3;
      const scale = from.scale * (to.scale / from.scale) ** k;
      this.look({ scale, x: from.x + (to.x - from.x) * k, y: from.y + (to.y - from.y) * k });
      if (t < 1) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  /** Zooms about a point of the stage; 0.6 to 6 times what shows all, and always near enough to read. */
  zoomed(by: number, x: number, y: number): Camera {
    const { scale } = this.camera;
    const to = Math.max(this.fit.scale * 0.6, Math.min(Math.max(6, this.fit.scale * 6), scale * by)), k = to / scale;
    return { scale: to, x: x - (x - this.camera.x) * k, y: y - (y - this.camera.y) * k };
  }

  /** Keeps the camera in the address. */
  note(): void {
    this.touched = true;
    const { scale, x, y } = this.camera;
    const round = (of: number) => Math.round(of * 100) / 100;
    z.value = round(scale);
    px.value = round((this.wide / 2 - x) / scale);
    py.value = round((this.high / 2 - y) / scale);
  }

  forget(): void {
    this.touched = false;
    z.value = px.value = py.value = null;
  }

  /** The camera of the address. */
  noted(): Camera | null {
    const scale = z.peek(), x = px.peek(), y = py.peek();
    if (scale === null || scale <= 0) return null;
    return { scale, x: this.wide / 2 - (x ?? 0) * scale, y: this.high / 2 - (y ?? 0) * scale };
  }
}

function Stage({ model, round, name }: View & { round: boolean; name: string }) {
  const canvas = useRef<HTMLCanvasElement>(null), mini = useRef<HTMLCanvasElement>(null), box = useRef<HTMLDivElement>(null);
  const looking = useRef(new Looking()).current;
  const size = useSignal(0);
  const entries = useSignal<Entry[]>([]);
  const open = useRef<Found | null>(null);

  useEffect(() => {
    looking.drawer = new Drawer(canvas.current!, mini.current!);
    const stage = box.current!;
    const seen = new ResizeObserver(() => {
      looking.wide = stage.clientWidth;
      looking.high = stage.clientHeight;
      size.value += 1;
    });
    seen.observe(box.current!);
    return () => {
      seen.disconnect();
      looking.drawer?.close();
    };
  }, []);
  useSignalEffect(() => {
    void size.value;
    void theme.value;
    const { drawer, wide, high } = looking;
    const picture = model.picture.value;
    const kept = model.kept.value, selected = keyOf(model), opens = opened();
    if (!drawer || !wide || !high) return;
    const ratio = devicePixelRatio;
    drawer.show(picture, { round, open: opens, wide, high, ratio, colours: palette(), selected, kept, still: still.matches });
    void settle(looking, entries);
  });
  useTurning(model, looking);
  usePointer(canvas, looking, open);
  useStageKeys(name, looking, round);

  const label = `${name} of ${model.picture.value.run.name}: ${many(model.picture.value.n, "step")}`;
  const chosen = keyOf(model);
  const active = entries.value.findIndex((each) => each.key === chosen);
  return (
    <div class="drawing" ref={box}>
      <canvas ref={canvas} class="drawn" role="application" tabIndex={0} aria-label={label} aria-owns="drawn-items" aria-activedescendant={active >= 0 ? `drawn-${active}` : undefined} />
      <ul id="drawn-items" class="sr" aria-label={`Steps of the ${name}`}>
        {entries.value.map((each, index) => <li key={each.key} id={`drawn-${index}`}>{each.words}</li>)}
      </ul>
      <div class="zoom">
        <Button icon="plus" label="Zoom in" onClick={() => { looking.glide(looking.zoomed(1.4, looking.wide / 2, looking.high / 2)); looking.note(); }} />
        <Button icon="fit" label="Fit" onClick={() => fit(looking)} />
      </div>
      <canvas ref={mini} class="mini" role="img" aria-label="Mini-map" onPointerDown={(event) => toMini(event, looking)} onPointerMove={(event) => event.buttons && toMini(event, looking)} />
    </div>
  );
}

/** After something was shown: where all fits, and what is said of it. */
async function settle(looking: Looking, entries: Signal<Entry[]>): Promise<void> {
  const { drawer } = looking;
  if (!drawer) return;
  const to = await drawer.ask("fit");
  if (!to) return;
  const first = !looking.fit.x && !looking.fit.y;
  looking.fit = to;
  const noted = first ? looking.noted() : null;
  if (noted) looking.touched = true;
  if (noted) looking.look(noted);
  else if (!looking.touched) looking.look(to);
  else looking.look(looking.camera);
  entries.value = (await drawer.ask("list", LISTED)) ?? [];
}

function fit(looking: Looking): void {
  looking.glide(looking.fit);
  looking.forget();
}

/** The gap of running marks turns four times a second while the page is seen, and nothing else moves. */
function useTurning(model: RunModel, looking: Looking): void {
  useEffect(() => {
    const timer = setInterval(() => {
      const { status, n, run } = model.picture.peek();
      if (document.hidden || still.matches || ENDED.has(run.status as never)) return;
      if (!status.subarray(0, n).includes(RUNNING)) return;
      looking.turn = (looking.turn + (Math.PI * 2) / 9.6) % (Math.PI * 2);
      looking.drawer?.look(looking.camera, looking.turn);
    }, 250);
    return () => clearInterval(timer);
  }, []);
}

function select(found: Found | null): void {
  state.selection.value = found && (found.kind === GROUP || found.kind === FLOW ? found.key : found.step);
}

/** Opens a closed group or subflow where it stands, and closes the one around anything else. */
function toggle(found: Found | null): void {
  if (!found) return;
  const closes = found.kind === GROUP || found.kind === FLOW ? null : (found.band ?? found.scope);
  if (closes) state.toggle(closes, true);
  else if (found.kind === GROUP || found.kind === FLOW) state.toggle(found.key, state.closed.peek().has(found.key));
}

function usePointer(canvas: { current: HTMLCanvasElement | null }, looking: Looking, over: { current: Found | null }): void {
  useEffect(() => {
    const of = canvas.current!;
    let drag: { x: number; y: number; camera: Camera; moved: boolean } | null = null;
    const off = new AbortController();
    const on = <K extends keyof HTMLElementEventMap>(name: K, act: (event: HTMLElementEventMap[K]) => void) =>
      of.addEventListener(name, act, { signal: off.signal, passive: false });
    on("wheel", (event) => {
      event.preventDefault();
      looking.look(looking.zoomed(Math.exp(-event.deltaY * (event.deltaMode ? 0.03 : 0.0014)), event.offsetX, event.offsetY));
      looking.note();
    });
    on("pointerdown", (event) => {
      drag = { x: event.offsetX, y: event.offsetY, camera: looking.camera, moved: false };
      of.setPointerCapture(event.pointerId);
    });
    on("pointermove", async (event) => {
      const { offsetX: x, offsetY: y } = event;
      if (drag) {
        drag.moved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 4;
        if (drag.moved) looking.look({ ...drag.camera, x: drag.camera.x + x - drag.x, y: drag.camera.y + y - drag.y });
        return;
      }
      over.current = (await looking.drawer?.ask("point", x, y)) ?? null;
      of.style.cursor = over.current ? "pointer" : "grab";
    });
    on("pointerup", async (event) => {
      const was = drag;
      drag = null;
      if (was?.moved) return looking.note();
      if (was) select((await looking.drawer?.ask("point", event.offsetX, event.offsetY)) ?? null);
    });
    on("pointerleave", () => void looking.drawer?.ask("leave"));
    on("dblclick", async (event) => toggle((await looking.drawer?.ask("point", event.offsetX, event.offsetY)) ?? null));
    return () => off.abort();
  }, []);
}

async function toMini(event: PointerEvent, looking: Looking): Promise<void> {
  const { offsetX, offsetY } = event;
  const box = await looking.drawer?.ask("box");
  if (!box) return;
  const [left, top, right, low] = box, k = (MINI - 14) / Math.max(right - left, low - top, 1);
  const x = (offsetX - MINI / 2) / k + (left + right) / 2, y = (offsetY - MINI / 2) / k + (top + low) / 2;
  const { scale } = looking.camera;
  looking.look({ scale, x: looking.wide / 2 - x * scale, y: looking.high / 2 - y * scale });
  looking.note();
}

function useStageKeys(name: string, looking: Looking, round: boolean): void {
  const go = (move: Move) => async () => {
    const found = await looking.drawer?.ask("move", move);
    if (!found) return;
    select(found);
    const at = await looking.drawer!.ask("at", found.key);
    if (at && (at[0] < 20 || at[1] < 20 || at[0] > looking.wide - 20 || at[1] > looking.high - 20)) {
      looking.glide({ ...looking.camera, x: looking.camera.x + looking.wide / 2 - at[0], y: looking.camera.y + looking.high / 2 - at[1] });
    }
  };
  const chosen = async () => {
    const key = state.selection.peek();
    const at = key ? await looking.drawer?.ask("at", key) : null;
    return at ? ((await looking.drawer?.ask("point", at[0], at[1])) ?? null) : null;
  };
  const zoom = (by: number) => () => {
    looking.glide(looking.zoomed(by, looking.wide / 2, looking.high / 2));
    looking.note();
  };
  const [up, down, left, right]: Move[] = round ? ["out", "in", "left", "right"] : ["left", "right", "in", "out"];
  useKeys(name, [
    { keys: "ArrowUp", words: round ? "outwards" : "up", act: go(up!) },
    { keys: "ArrowDown", words: round ? "inwards" : "down", act: go(down!) },
    { keys: "ArrowLeft", words: round ? "back along the ring" : "left", act: go(left!) },
    { keys: "ArrowRight", words: round ? "on along the ring" : "right", act: go(right!) },
    { keys: "Shift+ArrowLeft, Shift+ArrowDown", words: "to what it needs", act: go("needs") },
    { keys: "Shift+ArrowRight, Shift+ArrowUp", words: "to what needs it", act: go("needed") },
    { keys: "o", words: "open or close the group or subflow", act: async () => toggle(await chosen()) },
    { keys: "Shift+o", words: "close all groups", act: () => { state.open.value = new Set(); } },
    { keys: "+, =", words: "nearer", act: zoom(1.4) },
    { keys: "-", words: "further", act: zoom(1 / 1.4) },
    { keys: "0, t", words: "show all", act: () => fit(looking) },
  ]);
}

