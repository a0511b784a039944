// What the layout of a run's steps promises: nothing overlaps, what stands stays, every reader sees the same.
import { describe, expect, test, vi } from "vitest";
import { ELEMENT, GROUP, itemsOf } from "../../src/drawing/items";
import { layOut, type Layout } from "../../src/drawing/layout";
import { separateCircle, TURN, way } from "../../src/drawing/separate";
import { inversions } from "../../src/drawing/untangle";
import { anyPicture, begun, pictureOf, seeded, type Row } from "./pictures";

vi.setConfig({ testTimeout: 3_600_000 }); // a busy machine is no fault

const NONE: ReadonlySet<string> = new Set();
const ALL: ReadonlySet<string> = new Set(["*"]);

/** Pairs of neighbours on a ring that stand nearer to each other than their marks are wide. */
function overlaps(layout: Layout): string[] {
  const found: string[] = [];
  const { items, rings, radius, half } = layout;
  rings.forEach((ring, level) => {
    for (let i = 0; i < ring.size; i++) {
      const a = ring.items[i]!, b = ring.items[(i + 1) % ring.size]!;
      if (a === b || (!layout.round && i + 1 === ring.size)) continue;
      const unit = layout.round ? radius[level]! : 1;
      const size = (item: number) => (items.kind[item] === GROUP ? 2 * half[item]! * unit : 12);
      const gap = ring.gap(i) * unit;
      if (gap < (size(a) + size(b)) / 2) found.push(`${items.key[a]} and ${items.key[b]}: ${gap.toFixed(1)} px`);
    }
  });
  return found;
}

function angles(layout: Layout): Map<string, number> {
  return new Map(layout.items.key.map((key, i) => [key, layout.angle[i]!]));
}

const chain = (n: number): Row[] =>
  Array.from({ length: n }, (_, i) => ({ key: `task${i}`, needs: i ? [`task${i - 1}`] : [] }));

describe("levels", () => {
  test("are the longest path, and loops are drawn and not counted", () => {
    const layout = layOut(itemsOf(pictureOf([
      { key: "a" }, { key: "b", needs: ["a", "d"] }, { key: "c", needs: ["a", "b"] }, { key: "d", needs: ["c"] },
    ]), NONE), true, { side: 300 });
    expect([...layout.level]).toEqual([1, 2, 3, 4]);
    expect(layout.loops).toEqual([[3, 1]]);
  });

  test("of a picture that grows are those of the whole", () => {
    const draw = seeded("levels");
    for (let round = 0; round < 10; round++) {
      const picture = anyPicture(draw, 60);
      const whole = layOut(itemsOf(picture, ALL), true, { side: 300 });
      picture.created.fill(0);
      const once = layOut(itemsOf(picture, ALL), true, { side: 300 });
      expect([...whole.level]).toEqual([...once.level]);
    }
  });
});

describe("places", () => {
  test.each([true, false])("nothing overlaps (round: %s)", (round) => {
    const draw = seeded("overlaps");
    for (let turn = 0; turn < 12; turn++) {
      const picture = anyPicture(draw, 5 + Math.floor(draw() * 150), turn % 3 ? 0.2 : 0);
      for (const open of [NONE, ALL]) expect(overlaps(layOut(itemsOf(picture, open), round, { side: 300 }))).toEqual([]);
    }
  });

  test("are kept when steps are added, and the same at once as step by step", () => {
    const draw = seeded("stability");
    for (let turn = 0; turn < 8; turn++) {
      const picture = anyPicture(draw, 80);
      const final = angles(layOut(itemsOf(picture, ALL), true, { side: 300 }));
      for (let n = 1; n < picture.n; n += 7) {
        // steps of one instant are shown together
        while (n < picture.n && itemsOf(picture, ALL).batch[n] === itemsOf(picture, ALL).batch[n - 1]) n++;
        const shown = angles(layOut(itemsOf(begun(picture, n), ALL), true, { side: 300 }));
        for (const [key, angle] of shown) expect(Math.abs(way(angle, final.get(key)!)), `${key} of ${n}`).toBeLessThan(1e-9);
      }
    }
  });

  test("of a map's elements are side by side in their order, and of what hangs on each beyond it", () => {
    const rows: Row[] = [{ key: "begin" }, { key: "train", flags: 4, needs: ["begin"] }, { key: "evaluate", flags: 4, needs: ["begin"] }];
    for (let i = 0; i < 20; i++) rows.push({ key: `train[${i}]`, parent: "train", needs: ["begin"] });
    for (let i = 0; i < 20; i++) rows.push({ key: `evaluate[${i}]`, parent: "evaluate", needs: [`train[${i}]`] });
    const items = itemsOf(pictureOf(rows), new Set(["train", "evaluate"]));
    const layout = layOut(items, true, { side: 300 });
    expect(layout.bands.map((band) => items.bands[band.of]!.key)).toEqual(["train", "evaluate"]);
    const at = angles(layout);
    for (let i = 0; i < 20; i++) {
      expect(Math.abs(way(at.get(`train[${i}]`)!, at.get(`evaluate[${i}]`)!))).toBeLessThan(0.02);
      if (i) expect(way(at.get(`train[${i - 1}]`)!, at.get(`train[${i}]`)!)).toBeGreaterThan(0);
    }
  });

  test("of a fan-in are amid what it joins", () => {
    const rows: Row[] = Array.from({ length: 12 }, (_, i) => ({ key: `load${i}` }));
    rows.push({ key: "merge", needs: rows.slice(0, 9).map((row) => row.key) });
    const layout = layOut(itemsOf(pictureOf(rows), ALL), true, { side: 300 });
    const joined = [...layout.preds[12]!].map((each) => layout.angle[each]!);
    expect(Math.max(...joined.map((each) => Math.abs(way(each, layout.angle[12]!))))).toBeLessThan(Math.PI);
  });
});

describe("groups", () => {
  const many = (n: number, status: Row["status"] = "succeeded"): Row[] =>
    Array.from({ length: n }, (_, i) => ({ key: i ? `fit#${i + 1}` : "fit", status: i === n - 2 ? status : "succeeded" }));

  test("four of one task are one arc, three are not", () => {
    expect(itemsOf(pictureOf(many(3)), NONE).n).toBe(3);
    const items = itemsOf(pictureOf(many(4)), NONE);
    expect([items.n, items.kind[0], items.size[0], items.key[0]]).toEqual([1, GROUP, 4, "fit"]);
  });

  test("one with trouble opens by itself unless the reader closed it", () => {
    expect(itemsOf(pictureOf(many(6, "failed")), NONE).n).toBe(6);
    expect(itemsOf(pictureOf(many(6, "failed")), new Set(["-fit"])).n).toBe(1);
    expect(itemsOf(pictureOf(many(60, "failed")), NONE).n).toBe(1);
  });

  test("of more than 400 open page by page, the hot ones first", () => {
    const items = itemsOf(pictureOf(many(1000, "failed")), new Set(["fit"]));
    expect(items.kind.filter((kind) => kind === ELEMENT).length).toBe(400);
    expect(items.key).toContain("fit@1");
    expect(items.key).toContain("fit#999");
    expect(itemsOf(pictureOf(many(1000)), new Set(["fit", "fit@1", "fit@2"])).n).toBe(1000);
  });

  test("closed subflows stand for all that is inside them", () => {
    const rows: Row[] = [{ key: "a" }, { key: "sub", flags: 8, needs: ["a"] }, { key: "sub/x", parent: "sub" }, { key: "sub/y", parent: "sub", needs: ["sub/x"] }, { key: "b", needs: ["sub"] }];
    const closed = itemsOf(pictureOf(rows), new Set(["-sub"]));
    expect([closed.key, closed.size[1]]).toEqual([["a", "sub", "b"], 3]);
    const opened = itemsOf(pictureOf(rows), NONE);
    expect(opened.key).toEqual(["a", "sub/x", "sub/y", "b"]);
    expect([...layOut(opened, true, { side: 300 }).level]).toEqual([1, 2, 3, 4]);
  });
});

describe("shapes that are hard", () => {
  const sane = (layout: Layout) => {
    expect(layout.angle.every(Number.isFinite)).toBe(true);
    expect(layout.x.every(Number.isFinite)).toBe(true);
    expect(layout.radius.every((r, l) => l < 2 || r > layout.radius[l - 1]!)).toBe(true);
  };
  const shapes: [string, Row[]][] = [
    ["no step", []],
    ["one step", [{ key: "only" }]],
    ["a step that waits for itself", [{ key: "self", needs: ["self"] }]],
    ["two that wait for each other", [{ key: "a", needs: ["b"] }, { key: "b", needs: ["a"] }]],
    ["all roots", Array.from({ length: 5000 }, (_, i) => ({ key: `task${i}` }))],
    ["one fan-in of 50 000", [...Array.from({ length: 50_000 }, (_, i) => ({ key: `task${i}` })), { key: "join", needs: Array.from({ length: 50_000 }, (_, i) => `task${i}`) }]],
    ["a chain of 50 000", chain(50_000)],
  ];
  test.each(shapes)("%s", (_, rows) => {
    sane(layOut(itemsOf(pictureOf(rows), ALL), true, { side: 300 }));
  });

  test("50 000 steps and 80 000 edges", () => {
    const rows: Row[] = [];
    for (let i = 0; i < 50_000; i++) {
      const needs = i < 12 ? [] : [`t${i - 12}`];
      if (i > 4000 && i % 5 < 3) needs.push(`t${i - 12 - ((i * 7919) % 3000)}`);
      rows.push({ key: `t${i}`, needs });
    }
    const layout = layOut(itemsOf(pictureOf(rows), ALL), true, { side: 300 });
    sane(layout);
    expect(layout.items.from.length).toBeGreaterThan(75_000);
  });
});

test("separation on a circle keeps apart what fits", () => {
  const draw = seeded("circle");
  for (let turn = 0; turn < 100; turn++) {
    const n = 2 + Math.floor(draw() * 20);
    const wanted = Array.from({ length: n }, () => draw() * TURN * draw());
    const room = Array.from({ length: n }, () => draw() * (5.5 / n));
    const at = separateCircle(wanted, room);
    const order = [...at.keys()].sort((a, b) => at[a]! - at[b]!);
    order.forEach((item, i) => {
      const next = order[(i + 1) % n]!;
      const gap = at[next]! - at[item]! + (i === n - 1 ? TURN : 0);
      expect(gap).toBeGreaterThan((room[item]! + room[next]!) / 2 - 1e-9);
    });
  }
});

test("crossings are counted as inversions", () => {
  expect(inversions([1, 2, 3])).toBe(0);
  expect(inversions([3, 2, 1, 1])).toBe(5);
});
