// The layout of lineages: columns by level, no two boxes in one place, many of a kind folded.
import { describe, expect, it } from "vitest";
import { FOLD, foldOf, layout, type Graph, type Node } from "../src/artifacts/layout";

const artifact = (level: number, name: string): Node => ({ level, artifact: name, key: name, type: "result" });
const step = (level: number, name: string, task = name): Node => ({ level, run: "r", name: "quiet-otter", step: name, task, workflow: "w", status: "succeeded" });

describe("lineage", () => {
  it("puts each thing into the column of its level, and none upon another", () => {
    const graph: Graph = {
      sentence: "", is_cut: false,
      nodes: [artifact(-2, "a"), artifact(-2, "b"), step(-1, "fit"), artifact(0, "c"), step(1, "x"), step(1, "y"), step(1, "z")],
      edges: [[0, 2], [1, 2], [2, 3], [3, 4], [3, 5], [3, 6]],
    };
    const drawn = layout(graph);
    expect(drawn.boxes.map((each) => each.column)).toEqual([0, 0, 1, 2, 3, 3, 3]);
    expect(new Set(drawn.boxes.map((each) => `${each.column} ${each.row}`)).size).toBe(7);
    expect(drawn.boxes[3]?.row).toBe(1); // in the middle of three
    expect(drawn.rows).toBe(3);
  });

  it("does not cross what need not cross", () => {
    const graph: Graph = {
      sentence: "", is_cut: false,
      nodes: [step(-1, "a"), step(-1, "b"), artifact(0, "of-b"), artifact(0, "of-a")],
      edges: [[0, 3], [1, 2]],
    };
    const { boxes } = layout(graph);
    const row = (index: number) => boxes[index]?.row ?? NaN;
    expect(Math.sign(row(0) - row(1))).toBe(Math.sign(row(3) - row(2)));
  });

  it("folds many of a kind until they are opened", () => {
    const many = Array.from({ length: FOLD + 1 }, (_, index) => step(1, `map[${index}]`, "map"));
    const graph: Graph = { sentence: "", is_cut: false, nodes: [artifact(0, "a"), ...many], edges: many.map((_, index) => [0, index + 1]) };
    const folded = layout(graph);
    expect(folded.boxes.map((each) => each.members.length)).toEqual([1, FOLD + 1]);
    expect(folded.edges).toEqual([[0, 1]]);
    const name = foldOf(graph, folded.boxes[1] as never);
    expect(layout(graph, new Set([name])).boxes).toHaveLength(FOLD + 2);
  });
});
