// What differs between texts: applied to the one it gives the other, and it is never longer than it must be.
import { describe, expect, it } from "vitest";
import { diff, hunks } from "../src/compare/diff";

const applied = (before: string, after: string) => {
  const lines = diff(before, after);
  const of = (signs: string) => lines.filter((each) => signs.includes(each.sign)).map((each) => each.text).join("\n");
  return [of(" -"), of(" +"), lines.filter((each) => each.sign !== " ").length] as const;
};

/** The length of the longest common subsequence, by the book. */
function common(a: string[], b: string[]): number {
  const rows = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let x = 1; x <= a.length; x += 1) {
    for (let y = 1; y <= b.length; y += 1) {
      rows[x]![y] = a[x - 1] === b[y - 1] ? rows[x - 1]![y - 1]! + 1 : Math.max(rows[x - 1]![y]!, rows[x]![y - 1]!);
    }
  }
  return rows[a.length]![b.length]!;
}

describe("diff", () => {
  it("is the shortest way from any text to any other", () => {
    let seed = 7;
    const next = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let turn = 0; turn < 300; turn += 1) {
      const text = () => Array.from({ length: next(9) }, () => "abc"[next(3)]!).join("\n");
      const [before, after] = [text(), text()];
      const [old, fresh, changes] = applied(before, after);
      expect([old, fresh], `seed 7, turn ${turn}`).toEqual([before, after]);
      const [a, b] = [before.split("\n"), after.split("\n")];
      expect(changes).toBe(a.length + b.length - 2 * common(a, b));
    }
  });

  it("shows what changed with a few lines around", () => {
    const before = Array.from({ length: 20 }, (_, n) => `line ${n}`);
    const after = before.with(10, "other");
    const shown = hunks(diff(before.join("\n"), after.join("\n")), 1);
    expect(shown.map((each) => (typeof each === "number" ? each : each.sign + each.text))).toEqual([9, " line 9", "-line 10", "+other", " line 11", 8]);
    expect(hunks(diff("a\nb", "a\nb"))).toEqual([]);
  });
});
