// Comparing runs: which is best, by how much, and what is said of it.
import { describe, expect, it } from "vitest";
import { axes, best, distance, mainMetric, ranked, reasons, strength, verdict, wayOf, within, type Columns } from "../src/compare/sides";

const run = (name: string, duration_s: number | null = 10) => ({ id: name, name, workflow: "w", status: "succeeded", created_at: 0, duration_s });
const of: Columns = {
  runs: [run("quiet-otter"), run("calm-ibis", 14.3), run("lively-heron", null)],
  params: { lr: [0.0018, 0.0012, 0.0031], depth: [48, 64, 40], model: ["xgb", "xgb", "xgb"] },
  metrics: { epochs: [40, 40, 40], val_rmse: [4.702, 4.618, null] },
};

describe("sides", () => {
  it("knows which way a metric is better", () => {
    expect(["val_rmse", "loss", "test_accuracy", "F1", "roc_auc", "precision@5", "mape", "scores"].map(wayOf)).toEqual(["lower", "lower", "higher", "higher", "higher", "higher", "lower", "lower"]);
    expect(best([3, null, 1, 2], "lower")).toBe(2);
    expect(best([null, null], "higher")).toBe(-1);
  });

  it("says which is best and what changed with it", () => {
    expect(mainMetric(of.metrics)).toBe("val_rmse");
    expect(verdict(of, "val_rmse", "lower", 0)).toBe("calm-ibis is best: val_rmse 4.618, 1.8 % below quiet-otter.");
    expect(verdict(of, "val_rmse", "higher", 1)).toBe("quiet-otter is best: val_rmse 4.702, 1.8 % above calm-ibis.");
    expect(verdict(of, "epochs", "lower", 0)).toBe("All are alike in epochs: 40.");
    expect(verdict(of, "none", "lower", 0)).toBe("No metric says which of these runs is better.");
    expect(reasons(of, 1, 0, ["the code of load"])).toBe("What changed with it: lr 0.0012 instead of 0.0018, depth 64 instead of 48, the code of load. It took 43 % longer (14 s).");
    expect(reasons(of, 2, 2, [])).toBe("Parameters and code are the same.");
  });

  it("tells distances, also from nothing", () => {
    expect(distance(4.618, 4.702)).toBe("+1.8 %");
    expect(distance(-2, -3)).toBe("−50 %");
    expect(distance(0, 3)).toBe("+3");
    expect(distance(null, 3)).toBe("");
  });

  it("has axes of what are numbers and differ, and keeps runs that are within all brushes", () => {
    const all = axes(of, "val_rmse");
    expect(all.map((each) => each.name)).toEqual(["lr", "depth", "val_rmse"]);
    const kept = (brushes: [string, [number, number]][]) => [0, 1, 2].filter((index) => within(index, all, new Map(brushes)));
    expect(kept([])).toEqual([0, 1, 2]);
    expect(kept([["depth", [45, 70]]])).toEqual([0, 1]);
    expect(kept([["val_rmse", [0, 10]]])).toEqual([0, 1]);
  });

  it("puts what goes with the metric before what does not", () => {
    const depth = [1, 2, 3, 4, 5, 6];
    const many: Columns = {
      runs: depth.map((each) => run(`run-${each}`)),
      params: { noise: [3, 1, 2, 2, 1, 3], kind: ["a", "a", "a", "b", "b", "b"], depth },
      metrics: { loss: [6.1, 5, 4.2, 3, 2, 0.9] },
    };
    expect(ranked(many, "loss")).toEqual(["depth", "kind", "noise"]);
    expect(axes(many, "loss").map((each) => each.name)).toEqual(["depth", "noise", "loss"]);
    expect(reasons(many, 5, 0, [], "loss")).toContain("What changed with it: depth 6 instead of 1, kind b instead of a");
    expect(strength(["a", "b", "c", "d", "e", "f"], many.metrics.loss ?? [])).toBe(0); // each has its own word
  });
});
