import { expect, it } from "vitest";
import type { Run } from "../../src/core/types";
import { readParams } from "../../src/runs/bulk";
import { merged } from "../../src/runs/list";

const run = (id: string, created_at: number, status = "running"): Run => ({ id, name: id, created_at, status }) as Run;

it("runs that are read again take their places, and new ones are told apart", () => {
  const { rows, fresh } = merged([run("b", 2), run("a", 1)], [run("c", 3), run("b", 2, "failed")]);
  expect(rows.map((each) => [each.id, each.status])).toEqual([["b", "failed"], ["a", "running"]]);
  expect(fresh.map((each) => each.id)).toEqual(["c"]);
});

it("parameters are an object of JSON or none", () => {
  expect([readParams(""), readParams('{"a": 1}'), readParams("[1]"), readParams("{")]).toEqual([{}, { a: 1 }, null, null]);
});
