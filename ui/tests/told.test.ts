// Events in a line: in words, never as the record that is kept.
import { describe, expect, it } from "vitest";
import { brief, isOwn, rates, seenBy, series, statusOf, told, type Seen } from "../src/events/told";
import type { Event, Json, Run } from "../src/core/types";
import { unregistered } from "../src/workflows/page";

const event = (key: string, value: Json, of: Partial<Event> = {}): Event => ({ offset: 1, run: "r", seq: 1, key, namespace: "", value, at: 0, sender: "", published: false, ...of });
const seen = (fired: boolean, ...words: string[]): Seen => ({ by: "trigger", run: "", name: "retrain", rule: "retrain", in_words: "", fired, did: "", step: "", conditions: words.map((each) => ({ words: each, holds: true, value: "" })) });

describe("told", () => {
  it("says in words what engines record", () => {
    expect(told(event("step.failed", { event: "step.failed", at: 1, key: "f/fit-0", element: 3, error: { message: "no memory\nat all" } }))).toBe("f/fit-0[3], no memory");
    expect(told(event("run.finished", { event: "run.finished", at: 1, result: { pickle: "QUJD" } }))).toBe("succeeded, an object, 3 B");
    expect(told(event("run.finished", { event: "run.finished", at: 1, status: "failed", error: { message: "bad" } }))).toBe("failed, bad");
    expect(told(event("lease.renewed", { event: "lease.renewed", at: 1, until: 5, who: "" }))).toBe("until 5");
    expect(told(event("loss", { type: "metric", step: "s", preview: { x: 3, value: 0.25 } }, { namespace: "artifact", published: true }))).toBe("metric 0.25 at 3, s");
    expect(brief({ artifact: "ab", size_bytes: 4_100_000 })).toBe("an artifact, 4.1 MB");
    expect(brief({ json: { a: 1 } })).toBe('{"a":1}');
  });

  it("knows whose an event is, and its status", () => {
    expect(isOwn(event("drift", 1, { published: true }))).toBe(true);
    expect(isOwn(event("loss", 1, { published: true, namespace: "artifact" }))).toBe(false);
    expect(["run.finished", "step.started", "wait.added"].map((each) => statusOf(event(each, {})))).toEqual(["succeeded", "running", ""]);
  });

  it("counts events by time", () => {
    expect(rates([0, 1, 9, 10, 11], 0, 10, 5)).toEqual([2, 0, 0, 0, 1]);
  });

  it("tells how many rules saw an event", () => {
    expect([[], [seen(true)], [seen(true), seen(false), seen(false)]].map(seenBy)).toEqual(["no rule", "1 rule, which fired", "3 rules: one fired, two did not"]);
  });

  it("draws what rules compare, with what they compare it with", () => {
    const hour: [number, Json][] = [[1, { psi: 0.1, n: 5 }], [2, { psi: 0.3 }], [3, "odd"]];
    expect(series(hour, [seen(false, "value.psi>=0.2")])).toEqual({ name: "psi", points: [[1, 0.1], [2, 0.3]], lines: [[0.2, "retrain"]] });
    expect(series([[1, 4], [2, 5]], [])).toEqual({ name: "", points: [[1, 4], [2, 5]], lines: [] });
  });
});

describe("workflows", () => {
  it("names those that have runs and are not registered, once each", () => {
    const run = (workflow: string, program: Record<string, Json>) => ({ workflow, program }) as unknown as Run;
    const found = unregistered([
      run("b", { voice: "python", file: "/b.py", qualname: "b" }), run("b", { voice: "python", file: "/b.py", qualname: "b" }),
      run("a", { voice: "orquestra", path: "/a.yaml" }), run("c", { voice: "python", registered: {} }), run("d", { voice: "python" }),
    ], [{ voice: "python", workflow: "d" } as never]);
    expect(found).toEqual([{ voice: "orquestra", workflow: "a", target: "/a.yaml" }, { voice: "python", workflow: "b", target: "/b.py:b" }]);
  });
});
