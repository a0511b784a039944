import { expect, it } from "vitest";
import { asked, conditions, moment, split, without, withOne, write, written } from "../../src/parts/query";

it("a line is conditions and words", () => {
  const { query, wrong } = asked('status:failed voice:yadage tag:nightly depth=4 loss<0.5 acc>=0.9 brisk "two words"');
  expect(wrong).toEqual([]);
  expect(query).toEqual({
    status: "failed", voice: "yadage", tag: "nightly", param: ["depth=4"], metric: ["loss<0.5", "acc>=0.9"], text: "brisk two words",
  });
});

it("times are dates or how long ago", () => {
  expect(moment("2h", 10_000)).toBe(2800);
  expect(moment("yesterday")).toBeNull();
  const at = 1_796_000_000;
  expect(moment(written(at))).toBe(at);
  expect(asked("started>2h started<1h", 7200).query).toEqual({ since: 0, until: 3600 });
});

it("what cannot be asked for is said, and asked for in no other way", () => {
  const { query, wrong } = asked("colour:red loss<much started=now");
  expect(query).toEqual({});
  expect(wrong).toHaveLength(3);
});

it("a condition with spaces stays one word", () => {
  const word = write("workflow", ":", "my flow");
  expect(split(withOne("a", word))).toEqual(["a", word]);
  expect(conditions(word)[0]).toMatchObject({ name: "workflow", value: "my flow" });
  expect(without(withOne("a", word), word)).toBe("a");
});

it("one status takes the place of another", () => {
  expect(withOne("status:failed a", "status:running")).toBe("a status:running");
});
