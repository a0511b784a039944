import { describe, expect, it } from "vitest";
import { hits, lastState, parts } from "../../src/parts/sgr";

const told = (text: string) => parts(text).map((each) => [each.text, each.colour, each.bold]);

describe("lines as terminals mean them", () => {
  it("colours by status, and weight", () => {
    expect(told("a \x1b[31mred\x1b[0m \x1b[1;92mgreen\x1b[22m on\x1b[39m")).toEqual([
      ["a ", "", false], ["red", "failed", false], [" ", "", false], ["green", "succeeded", true], [" on", "succeeded", false],
    ]);
  });
  it("reads colours of 256 and of millions without mistaking their numbers for others", () => {
    expect(told("\x1b[38;5;3mx\x1b[38;2;1;31;1my\x1b[48;5;31mz")).toEqual([["x", "retrying", false], ["yz", "", false]]);
  });
  it("drops what steers a terminal", () => {
    expect(told("\x1b]0;title\x07a\x1b[2Jb\x1b(Bc\x1b]8;;http://x\x1b\\d\x9b31me\x1b")).toEqual([["abcde", "", false]]);
  });
  it("shows control characters as pictures", () => {
    expect(told("a\x00b\x07\x7f\x85\u202ec\td")).toEqual([["a\u2400b\u2407\u2421<85><202e>c\td", "", false]]);
  });
  it("keeps the last state of progress", () => {
    expect(lastState("10 %\r20 %\r30 %\r")).toBe("30 %");
    expect(told("\x1b[31mx\ry")).toEqual([["y", "", false]]);
  });
  it("sets hits apart", () => {
    expect(hits("an alloc, alloc", "alloc")).toEqual([["an ", false], ["alloc", true], [", ", false], ["alloc", true]]);
    expect(hits("<b>", "")).toEqual([["<b>", false]]);
  });
});
