import { describe, expect, it } from "vitest";
import { bytes, count, duration, figure, time } from "../../src/core/words";

describe("durations", () => {
  it.each([
    [0.64, "640 ms"], [0.9996, "1.0 s"], [2.4, "2.4 s"], [9.97, "10 s"], [37.2, "37 s"], [59.6, "1 min 00 s"], [185, "3 min 05 s"],
    [3599.7, "1 h 00 min"], [3660, "1 h 01 min"], [2 * 86400 + 4 * 3600, "2 d 04 h"], [-1, "0 ms"],
  ])("%d s is %s", (seconds, words) => expect(duration(seconds)).toBe(words));

  it("that are not known are a dash", () => {
    expect([duration(null), duration(Number.NaN), duration(undefined)]).toEqual(["–", "–", "–"]);
  });
});

it("numbers have a narrow space every three digits", () => {
  expect([count(999), count(1000), count(1042388)]).toEqual(["999", "1\u202f000", "1\u202f042\u202f388"]);
});

it("bytes are in powers of a thousand", () => {
  expect([bytes(0), bytes(999), bytes(4_100_000), bytes(999_999)]).toEqual(["0 B", "999 B", "4.1 MB", "1.0 MB"]);
});

it("metrics have at most five digits", () => {
  expect([figure(4.871234), figure(-12345), figure(0.00310001), figure(null)]).toEqual(["4.8712", "-12\u202f345", "0.0031", "–"]);
});

it("a time says no more of the day than is needed", () => {
  const now = new Date(2026, 10, 30, 14, 26, 44).getTime() / 1000;
  const at = (...of: [number, number, number, number, number]) => new Date(...of).getTime() / 1000;
  expect(time(now, now)).toBe("14:26:44");
  expect(time(at(2026, 10, 29, 18, 2), now)).toBe("29 Nov 18:02");
  expect(time(at(2025, 10, 29, 18, 2), now)).toBe("29 Nov 2025");
});
