// What items are called, where it can be read; cards when near enough; names of groups and subflows along their rings. No DOM.
import { STATUSES, TALLY, type Status } from "../core/status";
import { count, duration } from "../core/words";
import { ELEMENT, GROUP } from "./items";
import { about, placeNames, Taken, type Asking } from "./labels";
import { markSize, strength } from "./paint";
import type { Pen } from "./pen";
import type { Scene } from "./scene";

const FACE = "system-ui, -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif";
const PLAIN = `11.5px ${FACE}`, BOLD = `600 11.5px ${FACE}`, SMALL = `11px ${FACE}`;
const ELEMENTS = 1.7; // from this scale on elements have names
const CARDS = 2.4;
const NEAR = 0.6; // from this scale on groups say their counts
const CARD_W = 158, CARD_H = 40;
const MOST = 500; // names on the stage
const MUSTS = 16; // so many are named wherever they hide least; the others where there is room

/** "failed" as what it says of a group's steps, in its counts. */
const SAID: Partial<Record<Status, string>> = { pending: "to come", succeeded: "done" };

/** "1 failed, 3 ready, 16 done" */
export function countWords(counts: ArrayLike<number>): string {
  return TALLY.filter((each) => counts[STATUSES.indexOf(each)]).map((each) => `${count(counts[STATUSES.indexOf(each)]!)} ${SAID[each] ?? each}`).join(", ");
}

interface Words {
  first: string;
  second: string | null;
  strong: boolean;
}

/** What stands beside an item: its name, and of what is hot or a group a second line. */
function wordsOf(scene: Scene, item: number): Words {
  const { items } = scene;
  const label = items.label[item]!;
  if (items.kind[item] === GROUP) {
    const kinds = STATUSES.length;
    const page = /@(\d+)$/.exec(items.key[item]!);
    const near = scene.camera.scale >= NEAR || item === scene.hover || item === scene.focus;
    return { first: `${label} × ${count(items.size[item]!)}${page ? `, page ${Number(page[1]) + 1}` : ""}`, second: !near ? null : countWords(scene.counts.subarray(item * kinds, (item + 1) * kinds)), strong: true };
  }
  const hot = scene.hot(item);
  if (hot) return { first: label, second: short(scene.picture!.cause.get(items.face[item]!) ?? scene.status(item)), strong: true };
  const own = items.kind[item] === ELEMENT && item !== scene.hover && item !== scene.focus;
  return { first: own ? (/\[[^\]]*\]$/.exec(label)?.[0] ?? label) : label, second: null, strong: item === scene.focus };
}

const short = (text: string) => (text.length > 44 ? `${text.slice(0, 43)}…` : text);

export function paintNames(pen: Pen, scene: Scene, shown: number[]): void {
  const { on, layout } = pen;
  const taken = new Taken();
  for (const i of shown) block(pen, scene, i, taken);
  if (layout.round) {
    const r = layout.radius[1]! * 0.7 * pen.scale;
    taken.add({ x: -r, y: -r, w: 2 * r, h: 2 * r });
  }
  along(pen, scene, taken);
  scene.boxes.clear();
  const carded = pen.scale >= CARDS ? cards(pen, scene, shown, taken) : new Set<number>();
  const asking = askingFor(pen, scene, shown.filter((i) => !carded.has(i)));
  const places = placeNames(asking, taken, scene.places);
  for (const each of asking) {
    const box = places.get(each.item);
    if (!box) continue;
    scene.boxes.set(each.item, { ...box, x: box.x + scene.camera.x, y: box.y + scene.camera.y });
    write(pen, scene, each.item, box, each.must && taken.covered(box) > box.w * box.h * 1.5);
  }
  on.globalAlpha = 1;
}

/** What marks and arcs take of the stage. */
function block(pen: Pen, scene: Scene, i: number, taken: Taken): void {
  const { layout } = pen;
  const r = pen.radius(layout.level[i]!);
  if (scene.items.kind[i] !== GROUP) {
    const size = markSize(scene, i);
    const x = pen.x(r, layout.angle[i]!), y = pen.y(r, layout.angle[i]!);
    taken.add({ x: x - size, y: y - size, w: 2 * size, h: 2 * size });
    return;
  }
  const steps = Math.max(2, Math.ceil((2 * layout.half[i]! * pen.unit(r)) / 12));
  for (let k = 0; k <= steps; k++) {
    const a = layout.angle[i]! + layout.half[i]! * ((2 * k) / steps - 1);
    taken.add({ x: pen.x(r, a) - 8, y: pen.y(r, a) - 8, w: 16, h: 16 });
  }
}

/** Names of opened subflows and groups. */
function along(pen: Pen, scene: Scene, taken: Taken): void {
  const { on, layout } = pen;
  const { colours } = scene.wishes;
  on.font = BOLD;
  const set = (text: string, r: number, a: number) => {
    on.fillStyle = scene.trace ? colours.ink3 : colours.ink;
    on.strokeStyle = colours.bg;
    pen.words(text, r, a);
    const long = on.measureText(text).width;
    for (let k = -4; k <= 4; k++) {
      const b = layout.round ? a + ((k / 8) * long) / r : a;
      const x = layout.round ? pen.x(r, b) : r + (long * (k + 4)) / 8;
      taken.add({ x: x - 7, y: pen.y(r, b) - 7, w: 14, h: 14 });
    }
  };
  if (pen.scale < 0.45) return;
  for (const wedge of layout.wedges) {
    const label = scene.items.scopes[wedge.of]!.label;
    if (layout.round) set(label, pen.radius(wedge.last) + 25, (wedge.low + wedge.high) / 2);
    else set(label, pen.radius(wedge.first) - 14, wedge.low - 8 / pen.scale);
  }
  const named = new Set<number>();
  for (const band of [...layout.bands].sort((p, q) => q.high - q.low - (p.high - p.low))) {
    if (named.has(band.of)) continue;
    named.add(band.of);
    const { label, members } = scene.items.bands[band.of]!;
    const text = `${label} × ${count(members.reduce((sum, each) => sum + scene.items.size[each]!, 0))}`;
    const r = pen.radius(band.first), long = on.measureText(text).width;
    if (!layout.round) set(text, r - 6, band.low - 17 / pen.scale);
    else {
      const ring = layout.rings[band.first]!;
      const first = ring.find(ring.norm(band.low) - 1e-9), last = ring.find(ring.norm(band.high) - 1e-9);
      const before = ring.gap((first - 1 + ring.size) % ring.size), after = ring.gap(last % ring.size);
      const off = (long / 2 + 18) / r;
      set(text, r, after >= before ? band.high + off : band.low - off);
    }
  }
}

function rankOf(scene: Scene, item: number): number {
  if (item === scene.focus || item === scene.hover) return 0;
  if (scene.trace?.[item]) return 1;
  if (scene.hot(item) || scene.items.kind[item] === GROUP) return 2;
  return scene.status(item) === "running" ? 3 : 4;
}

function askingFor(pen: Pen, scene: Scene, shown: number[]): Asking[] {
  const { on, layout } = pen;
  const { items } = scene;
  const wanted = shown.filter((i) => items.band[i]! < 0 || pen.scale >= ELEMENTS || items.kind[i] === GROUP || scene.hot(i) || scene.status(i) === "running" || i === scene.hover || i === scene.focus);
  wanted.sort((a, b) => rankOf(scene, a) - rankOf(scene, b) || layout.level[a]! - layout.level[b]! || a - b);
  let musts = MUSTS;
  return wanted.slice(0, MOST).map((item) => {
    const words = wordsOf(scene, item);
    on.font = words.strong ? BOLD : PLAIN;
    let w = on.measureText(words.first).width;
    on.font = SMALL;
    if (words.second) w = Math.max(w, on.measureText(words.second).width);
    const h = words.second ? 25 : 13;
    const chosen = item === scene.hover || item === scene.focus;
    const must = chosen || ((scene.hot(item) || items.kind[item] === GROUP) && musts-- > 0);
    return { item, w, h, must, candidates: candidates(pen, scene, item, w, h) };
  });
}

function candidates(pen: Pen, scene: Scene, item: number, w: number, h: number): [number, number][] {
  const { layout } = pen;
  const r = pen.radius(layout.level[item]!), a = layout.angle[item]!;
  const x = pen.x(r, a), y = pen.y(r, a);
  if (!layout.round) {
    const away = scene.items.kind[item] === GROUP ? 13 : markSize(scene, item) + 5;
    // edges leave to the right: names stand above them
    const above: [number, number] = [x - 4, y - away - h + 3], right: [number, number] = [x + away, y - h / 2], below: [number, number] = [x - 4, y + away - 3];
    return scene.items.kind[item] === GROUP ? [[x + away, y + 4], right, [x + away, y - h - 4], below] : h > 13 ? [right, above, below] : [above, below, right];
  }
  if (scene.items.kind[item] !== GROUP) return about(x, y, markSize(scene, item) + 5, w, h, Math.cos(a) >= 0, Math.sin(a) < 0);
  const found: [number, number][] = [];
  for (const part of [0, 0.5, -0.5, 0.9, -0.9]) {
    for (const side of [13, -13]) {
      const b = a + layout.half[item]! * part, gx = pen.x(r + side, b), gy = pen.y(r + side, b);
      const right = Math.cos(b) * side >= 0, low = Math.sin(b) * side;
      found.push([right ? gx : gx - w, low > side * side * 0.035 ? gy : low < -side * side * 0.035 ? gy - h : gy - h / 2]);
    }
  }
  for (const end of [1, -1]) {
    const b = a + end * (layout.half[item]! + 14 / Math.max(1, r));
    found.push([pen.x(r, b) >= x ? pen.x(r, b) : pen.x(r, b) - w, pen.y(r, b) - h / 2]);
  }
  return found;
}

function write(pen: Pen, scene: Scene, item: number, box: { x: number; y: number; w: number; h: number }, clear: boolean): void {
  const { on, layout } = pen;
  const { colours } = scene.wishes;
  const words = wordsOf(scene, item), status = scene.status(item);
  const alpha = Math.max(0.3, strength(scene, item));
  const left = box.x + box.w / 2 < pen.x(pen.radius(layout.level[item]!), layout.angle[item]!) && layout.round;
  if (clear) {
    on.globalAlpha = 0.86;
    on.fillStyle = colours.bg;
    on.fillRect(box.x - 3, box.y - 1, box.w + 6, box.h + 2);
  }
  on.textAlign = left ? "right" : "left";
  on.textBaseline = "alphabetic";
  on.lineJoin = "round";
  on.lineWidth = 3.5;
  const x = left ? box.x + box.w : box.x;
  const line = (text: string, y: number, font: string, colour: string) => {
    on.font = font;
    on.strokeStyle = colours.bg;
    on.globalAlpha = alpha * 0.9;
    on.strokeText(text, x, y);
    on.globalAlpha = alpha;
    on.fillStyle = colour;
    on.fillText(text, x, y);
  };
  line(words.first, box.y + 10, words.strong ? BOLD : PLAIN, words.strong ? colours.ink : status === "pending" ? colours.ink3 : colours.ink2);
  if (words.second) line(words.second, box.y + 22.5, SMALL, scene.items.kind[item] === GROUP ? colours.ink2 : colours.text[status]);
}

/** Cards grow out of the marks that are near enough, where they hide no other; the selected one always. */
function cards(pen: Pen, scene: Scene, shown: number[], taken: Taken): Set<number> {
  const { layout } = pen;
  const found = new Set<number>();
  const order = shown.filter((i) => scene.items.kind[i] !== GROUP).sort((a, b) => rankOf(scene, a) - rankOf(scene, b) || layout.level[a]! - layout.level[b]!);
  for (const item of order) {
    const r = pen.radius(layout.level[item]!), a = layout.angle[item]!;
    const size = markSize(scene, item), x = pen.x(r, a), y = pen.y(r, a);
    const box = { x: x - 16, y: y - CARD_H / 2, w: CARD_W, h: CARD_H };
    const own = 4 * size * size;
    if (item !== scene.focus && taken.covered(box) > own + 1) continue;
    card(pen, scene, item, box);
    found.add(item);
    taken.add({ x: box.x - 3, y: box.y - 3, w: CARD_W + 6, h: CARD_H + 6 });
    scene.boxes.set(item, { ...box, x: box.x + scene.camera.x, y: box.y + scene.camera.y });
  }
  return found;
}

function card(pen: Pen, scene: Scene, item: number, box: { x: number; y: number; w: number; h: number }): void {
  const { on } = pen;
  const { colours } = scene.wishes;
  const picture = scene.picture!, face = scene.items.face[item]!;
  const status = scene.status(item), chosen = item === scene.focus || item === scene.hover;
  on.globalAlpha = Math.max(0.45, strength(scene, item));
  on.fillStyle = colours.panel;
  on.strokeStyle = chosen ? colours.ink : colours.line2;
  on.lineWidth = chosen ? 2 : 1;
  on.beginPath();
  on.roundRect(box.x, box.y, box.w, box.h, 6);
  on.fill();
  on.stroke();
  scene.mark(on, item, box.x + 16, box.y + CARD_H / 2, 9.3);
  on.textAlign = "left";
  on.textBaseline = "alphabetic";
  const ran = (Number.isNaN(picture.ended[face]!) ? picture.until : picture.ended[face]!) - picture.began[face]!;
  const tries = picture.attempts[face]!;
  const said = (scene.hot(item) && picture.cause.get(face)) || [status, ran > 0 ? duration(ran) : "", tries > 1 ? `${tries} attempts` : ""].filter(Boolean).join(", ");
  on.font = `600 12px ${FACE}`;
  on.fillStyle = colours.ink;
  on.fillText(cut(pen, scene.items.label[item]!, CARD_W - 40), box.x + 31, box.y + 17);
  on.font = SMALL;
  on.fillStyle = colours.text[status];
  on.fillText(cut(pen, said, CARD_W - 40), box.x + 31, box.y + 31);
  on.globalAlpha = 1;
}

function cut({ on }: Pen, text: string, most: number): string {
  if (on.measureText(text).width <= most) return text;
  let end = text.length;
  while (end > 1 && on.measureText(`${text.slice(0, end)}…`).width > most) end--;
  return `${text.slice(0, end)}…`;
}
