// The picture that a page has after many answers is the one that it would have from one; rows, folds, loads of it.
import { describe, expect, it } from "vitest";
import { load, failures } from "../../src/run/load";
import { asOf, counts, Drawn, elementCounts, HIDDEN, type Told } from "../../src/run/picture";
import { countsOf, meaning, rowAt, rowsOf } from "../../src/run/rows";
import { idle, Scale, ticks } from "../../src/run/scale";
import type { Run } from "../../src/core/types";
import { kept } from "../../src/run/model";


const RUN = { id: "r", name: "r", status: "running", created_at: 1000, ended_at: null, waits: [], counts: {} } as unknown as Run;
const [PENDING, READY, , RUNNING, , SUCCEEDED, , FAILED] = [0, 1, 2, 3, 4, 5, 6, 7];

interface Given { key: string; task?: string; parent?: number; status?: number; flags?: number; at?: [number | null, number | null]; cause?: string; needs?: number[]; map?: [number, number[]]; spans?: [number, number, number | null, string][] }

/** An answer of the server about these steps, by their places there. */
function told(steps: Record<number, Given>, more: Partial<Told> = {}): Told {
  const at = Object.keys(steps).map(Number), all = Object.values(steps);
  const tasks = [...new Set(all.map((each) => each.task ?? each.key))];
  const by = <T>(of: (given: Given) => T | undefined) => Object.fromEntries(at.flatMap((place, i) => (of(all[i]!) === undefined ? [] : [[place, of(all[i]!)!]]))) as Record<string, T>;
  return {
    run: RUN, offset: 1, n: at.length, whole: false, driven: [[0, null, ""]], at, keys: all.map((each) => each.key), tasks,
    task: all.map((each) => tasks.indexOf(each.task ?? each.key)), names: {}, parent: all.map((each) => each.parent ?? -1),
    status: all.map((each) => each.status ?? PENDING), flags: all.map((each) => each.flags ?? 0), created: all.map(() => 0), ready: all.map(() => 0),
    began: all.map((each) => each.at?.[0] ?? null), ended: all.map((each) => each.at?.[1] ?? null), attempts: all.map(() => 1),
    from: all.flatMap((each) => each.needs ?? []), to: all.flatMap((each, i) => (each.needs ?? []).map(() => at[i]!)),
    elements: {}, cause: by((each) => each.cause), due: {}, slots: {}, children: [], above: [],
    spans: by((each) => each.spans), maps: by((each) => each.map && { size: each.map[0], counts: {}, statuses: each.map[1], own: [] }), ...more,
  } as Told;
}

const drawn = (...answers: Told[]) => {
  const of = new Drawn();
  for (const each of answers) of.take(each, true);
  return of.picture(RUN, answers.at(-1)!, 100);
};

describe("a picture", () => {
  it("keeps the place of each step, whatever comes between", () => {
    const first = told({ 0: { key: "a" }, 1: { key: "m", flags: 4, map: [3, [PENDING, 3]] } });
    const of = drawn(first, told({ 2: { key: "b", needs: [0] } }), told({ 1: { key: "m", flags: 4, status: FAILED, map: [3, [SUCCEEDED, 2, FAILED, 1]] } }));
    expect(of.keys).toEqual(["a", "m", "m[0]", "m[1]", "m[2]", "b"]);
    expect([...of.status.subarray(0, of.n)]).toEqual([PENDING, FAILED, SUCCEEDED, SUCCEEDED, FAILED, PENDING]);
    expect([...of.parent.subarray(0, of.n)]).toEqual([-1, -1, 1, 1, 1, -1]);
    expect([of.from[0], of.to[0], of.from.length]).toEqual([0, 5, 1]);
  });

  it("has each edge once, however often a step changes", () => {
    const b = { key: "b", needs: [0] };
    const of = drawn(told({ 0: { key: "a" }, 1: b }), told({ 1: { ...b, status: RUNNING } }), told({ 1: { ...b, status: SUCCEEDED } }));
    expect(of.from.length).toBe(1);
  });

  it("lets a planned step come to be in its place", () => {
    const plan = { planned: { run: "p", name: "p", steps: [["b", "b", "", ["a"]], ["c", "c", "", ["b"]]] } } as Partial<Told>;
    const of = drawn(told({ 0: { key: "a" } }, plan), told({ 1: { key: "b", needs: [0], status: RUNNING } }));
    expect(of.keys).toEqual(["a", "b", "c"]);
    expect([...of.flags.subarray(0, 3)]).toEqual([0, 0, 2]);
  });

  it("shows what waits for an answer, and what nobody drives any more", () => {
    const answer = told({ 0: { key: "a", status: RUNNING }, 1: { key: "b", status: RUNNING } });
    const of = new Drawn();
    of.take(answer, false);
    const run = { ...RUN, waits: [{ for: "answer", step: "a", description: "Go on?" }] } as unknown as Run;
    const waits = of.picture(run, answer, 1);
    expect([waits.status[0], waits.cause.get(0)]).toEqual([2, "asks you: Go on?"]);
    expect(of.picture({ ...RUN, status: "crashed" }, answer, 1).status[0]).toBe(10);
    expect(of.picture(RUN, answer, 1).status[0]).toBe(RUNNING);
  });

  it("is shown as it was at a moment", () => {
    const of = drawn(told({ 0: { key: "a", status: FAILED, at: [10, 20], cause: "no" }, 1: { key: "b", status: RUNNING, at: [30, null] } }));
    of.created[1] = 25;
    const at = (time: number) => { const was = asOf(of, time); return [was.status[0], was.flags[1]! & HIDDEN, was.cause.get(0)]; };
    expect(at(5)).toEqual([READY, HIDDEN, undefined]);
    expect(at(15)).toEqual([RUNNING, HIDDEN, undefined]);
    expect(at(26)).toEqual([FAILED, 0, "no"]);
    expect(counts(asOf(of, 26))).toMatchObject({ failed: 1, ready: 1, running: 0 });
  });

  it("says between two attempts whether the first failed, and when the next is due, or was lost", () => {
    const of = drawn(told({ 0: { key: "a", status: SUCCEEDED, at: [0, 90], spans: [[0, 0, 10, "failed"], [30, 31, 40, "interrupted"], [80, 80, 90, "succeeded"]] } }));
    const at = (time: number) => { const was = asOf(of, time); return [was.status[0], meaning(was, 0)]; };
    expect([at(5)[0], at(20), at(50)[0], at(85)[0]]).toEqual([RUNNING, [4, "again in 10 s"], 10, RUNNING]);
  });

  it("counts a map as one step, with those of its elements that failed", () => {
    const answer = told({ 0: { key: "f", flags: 8, status: FAILED }, 1: { key: "f/m", parent: 0, flags: 4, status: FAILED, map: [4, [SUCCEEDED, 3, FAILED, 1]] }, 2: { key: "f/a", parent: 0, status: SUCCEEDED } });
    answer.maps["1"]!.own = [3];
    answer.maps["1"]!.counts = { succeeded: 3, failed: 1 };
    expect(counts(drawn(answer))).toMatchObject({ succeeded: 1, failed: 3 });
    expect(elementCounts(drawn(answer))).toEqual([4, 4]);
  });

  it("lets an edge lead from the element that is needed", () => {
    const of = drawn(told({ 0: { key: "m", flags: 4, map: [3, [PENDING, 3]] }, 1: { key: "b", needs: [0] } }, { elements: { 0: 2 } }));
    expect([of.keys[of.from[0]!], of.keys[of.to[0]!]]).toEqual(["m[2]", "b"]);
  });
});

describe("rows", () => {
  const steps = { 0: { key: "f", flags: 8 }, ...Object.fromEntries([1, 2, 3, 4].map((i) => [i, { key: `f/t-${i}`, task: "t", parent: 0, status: SUCCEEDED, at: [i, i + 1] as [number, number] }])), 5: { key: "f/z", parent: 0, at: [0.5, 1] as [number, number], status: SUCCEEDED } };

  it("show many of a task as one, in the order of their first start, without the one flow around all", () => {
    const rows = rowsOf(drawn(told(steps)), null, () => false);
    expect(rows.map((each) => [each.kind, each.label])).toEqual([["step", "z"], ["group", "t × 4"]]);
    expect(countsOf(drawn(told(steps)), rows[1]!)).toEqual({ succeeded: 4 });
  });

  it("open, and open by themselves where something failed", () => {
    const of = drawn(told({ ...steps, 3: { key: "f/t-3", task: "t", parent: 0, status: FAILED, at: [3, 4], cause: "E" } }));
    const rows = rowsOf(of, null, (_, opens) => opens);
    expect(rows.map((each) => each.kind)).toEqual(["step", "group", "element", "element", "element", "element"]);
    expect(meaning(of, 3)).toBe("failed");
  });

  it("leave out what a filter excludes, but for what the rest stands in", () => {
    const of = drawn(told(steps));
    const only = kept(of, { text: "t-2", statuses: new Set() }, null);
    expect(rowsOf(of, only, () => true).map((each) => each.key)).toEqual(["f/t-2"]);
    expect([...kept(of, { text: "", statuses: new Set() }, [2.5, 3.5])!].map(Boolean)).toEqual([true, true, true, true, false, true].map((_, i) => [0, 2, 3].includes(i) || (of.ready[i]! <= 3.5 && !(of.ended[i]! < 2.5))));
  });

  it("are found by their height", () => {
    const tops = Float64Array.from([0, 21, 36.5, 66.5]);
    expect([0, 20.9, 21, 40, 1000].map((y) => rowAt(tops, y))).toEqual([0, 0, 1, 2, 2]);
  });
});

describe("time on a line", () => {
  it("folds what is idle, gives every time one place, and finds it again", () => {
    const of = drawn(told({ 0: { key: "a", status: SUCCEEDED, at: [0, 10] }, 1: { key: "b", status: SUCCEEDED, at: [80, 100] } }));
    const folds = idle(of, 0, 100);
    expect(folds.map(({ from, to }) => [from, to])).toEqual([[10, 80]]);
    const scale = new Scale(0, 100, 646, folds);
    expect(scale.x(100)).toBeCloseTo(646);
    expect(scale.x(80) - scale.x(10)).toBeCloseTo(46);
    for (const at of [0, 5, 10, 42, 80, 99]) expect(scale.at(scale.x(at))).toBeCloseTo(at);
    const marks = ticks(scale, 1000);
    expect(marks.length).toBeGreaterThan(1);
    for (const [i, each] of marks.entries()) if (i) expect(each.x - marks[i - 1]!.x).toBeGreaterThan(45);
  });

  it("says why nothing ran", () => {
    const answer = told({ 0: { key: "a", status: SUCCEEDED, at: [0, 10] }, 1: { key: "b", status: SUCCEEDED, at: [90, 100] } }, { driven: [[0, 10, "killed"], [89, null, ""]] });
    expect(idle(drawn(answer), 0, 100)[0]!.words).toMatch(/^crashed .* folded · resumed /);
    const waits = told({ 0: { key: "w", status: SUCCEEDED, at: [0, 80], spans: [[0, 0, 80, "waiting"]] }, 1: { key: "b", status: SUCCEEDED, at: [80, 100] } });
    expect(idle(drawn(waits), 0, 100)[0]!.words).toMatch(/^waited for an event or an answer/);
  });

  it("adds up what ran in each column", () => {
    const of = drawn(told({ 0: { key: "a", status: FAILED, at: [0, 50] }, 1: { key: "b", status: RUNNING, at: [25, null] } }));
    const found = load(of, [0, 1], 4, (at) => at / 25);
    expect([...found]).toEqual([1, 2, 1, 1]);
    expect(failures(of, [0, 1], FAILED)).toEqual([50]);
  });
});
