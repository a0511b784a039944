// Radar by itself, in a file or a notebook: drawn from the picture that stands beside it, with no server and no worker.
import { STATUSES, type Palette, type Status } from "../core/status";
import { Drawn, type Told } from "../run/picture";
import tokens from "../style/tokens.css?raw";
import { Painter } from "./drawing";
import { FLOW, GROUP } from "./items";
import type { Camera } from "./scene";

/** The colours of a theme, from the page's own style. */
function colours(dark: boolean): Palette {
  const block = tokens.slice(tokens.indexOf(dark ? "html.dark" : "html.light")).split("}")[0] ?? "";
  const of = new Map([...block.matchAll(/--([\w-]+): ([^;]+);/g)].map((each) => [each[1]!, each[2]!]));
  const by = (end: string) => Object.fromEntries(STATUSES.map((each) => [each, of.get(each + end) ?? "#888888"])) as Record<Status, string>;
  return { ...(Object.fromEntries(of) as unknown as Palette), text: by(""), fill: by("-f") };
}

function begin(canvas: HTMLCanvasElement, told: Told): void {
  const drawn = new Drawn();
  drawn.take(told, false);
  const { run } = told;
  const picture = drawn.picture(run, told, Math.max(0, (run.ended_at ?? run.created_at) - run.created_at));
  const painter = new Painter(canvas, null);
  const { scene } = painter;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let open: ReadonlySet<string> = new Set();
  let touched: Camera | null = null;
  const show = () => {
    const wishes = { round: true, open, wide: canvas.clientWidth, high: canvas.clientHeight, ratio: devicePixelRatio, selected: null, kept: null, still: true };
    scene.show(picture, { ...wishes, colours: colours(dark.matches && !matchMedia("print").matches) });
    scene.camera = touched ?? scene.fit();
    painter.soon();
  };
  const look = (camera: Camera) => {
    touched = camera;
    painter.look(camera, 0);
  };
  let drag: { x: number; y: number; from: Camera; moved: boolean } | null = null;
  canvas.onpointerdown = (event) => {
    drag = { x: event.offsetX, y: event.offsetY, from: scene.camera, moved: false };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = ({ offsetX: x, offsetY: y }) => {
    if (!drag) {
      scene.point(x, y);
      return painter.soon();
    }
    drag.moved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 4;
    if (drag.moved) look({ ...drag.from, x: drag.from.x + x - drag.x, y: drag.from.y + y - drag.y });
  };
  canvas.onpointerup = ({ offsetX: x, offsetY: y }) => {
    const found = drag?.moved ? null : scene.point(x, y);
    drag = null;
    const key = found && (found.kind === GROUP || found.kind === FLOW ? found.key : (found.band ?? found.scope));
    if (!found || !key) return;
    const closes = found.kind !== GROUP && found.kind !== FLOW;
    open = new Set([...[...open].filter((each) => each !== key && each !== `-${key}`), closes ? `-${key}` : key]);
    show();
  };
  canvas.onpointerleave = () => {
    scene.leave();
    painter.soon();
  };
  canvas.ondblclick = () => {
    touched = null;
    show();
  };
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !touched) return; // the page scrolls, unless somebody has begun to look around
    event.preventDefault();
    const { scale, x, y } = scene.camera, to = Math.max(0.05, Math.min(6, scale * Math.exp(-event.deltaY * 0.0014))), k = to / scale;
    look({ scale: to, x: event.offsetX - (event.offsetX - x) * k, y: event.offsetY - (event.offsetY - y) * k });
  }, { passive: false });
  dark.onchange = show;
  new ResizeObserver(show).observe(canvas);
}

const canvas = document.querySelector<HTMLCanvasElement>("canvas.radar");
const told = document.getElementById("picture")?.textContent;
if (canvas && told) begin(canvas, JSON.parse(told) as Told);
