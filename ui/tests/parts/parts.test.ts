import { expect, it } from "vitest";
import { STATUSES } from "../../src/core/status";
import { SHAPES } from "../../src/parts/shapes";
import { lengths } from "../../src/parts/marks";
import { windowOf } from "../../src/parts/table";

it("every status has a mark of its own shape", () => {
  const shapes = STATUSES.map((each) => JSON.stringify(SHAPES[each].map((shape) => [shape.d, shape.fill, shape.dash])));
  expect(new Set(shapes).size).toBe(STATUSES.length);
});

it("a window of few rows scrolls as it is", () => {
  expect(windowOf(100, 30, 300, 600)).toEqual({ first: 12, last: 38, top: 360, height: 3000 });
});

it("a million rows fit the height that browsers have, first and last rows included", () => {
  const top = windowOf(1_000_000, 31, 620, 0);
  expect([top.first, top.top, top.height]).toEqual([0, 0, 8_000_000]);
  const end = windowOf(1_000_000, 31, 620, 8_000_000 - 620);
  expect(end.last).toBe(1_000_000);
  const bottom = end.top + (end.last - end.first) * 31;
  expect(Math.abs(bottom - 8_000_000)).toBeLessThan(1);
});

it("a failed one among thousands is seen, and all fit the width", () => {
  const long = lengths([["succeeded", 4999], ["failed", 1]], 92);
  expect(long[1]).toBeCloseTo(4, 0);
  expect(long.reduce((sum, each) => sum + each, 0)).toBeCloseTo(92, 6);
});
