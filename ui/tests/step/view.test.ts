import type { VNode } from "preact";
import { describe, expect, it } from "vitest";
import { elements, languageOf } from "../../src/parts/code";
import { consequence, isOwn, schemaOf, whereOf, type StepTold } from "../../src/step/view";
import { linked } from "../../src/step/why";

const plain = (of: unknown): string => {
  if (Array.isArray(of)) return of.map(plain).join("");
  if (typeof of === "object" && of !== null) {
    const { type, props } = of as VNode<{ class?: string; href?: string; children?: unknown }>;
    return `<${String(type)} ${props.class ?? ""}>${plain(props.children)}</>`;
  }
  return String(of ?? "");
};

const tried = (number: number, message: string | null) => ({
  number, ready_at: 1, started_at: 1, ended_at: 2, outcome: message ? "failed" : "succeeded", facts: null,
  error: message ? { type: "E", message, frames: [{ file: "/home/me/trial.py", line: 88, name: "f", code: [] }, { file: "/v/lib/python3.11/json/x.py", line: 3, name: "g" }] } : null,
});
const told = (attempts: unknown[], needed_by: [string, string][] = []) => ({ attempts, needed_by }) as unknown as StepTold;

describe("highlighted source as elements", () => {
  it("makes the spans anew and reads the five entities", () => {
    expect(plain(elements('<span class="hljs-keyword">if</span> a &lt; <span class="hljs-string">&quot;b<span class="x">&amp;</span>&#x27;</span>')))
      .toBe('<span hljs-keyword>if</> a < <span hljs-string>"b<span x>&</>\'</>');
  });
  it("keeps anything else as text", () => {
    expect(plain(elements('<img src=x onerror="a()"> &copy; </span> <span class="a">b'))).toContain('<img src=x onerror="a()"> &copy; ');
  });
  it("knows languages by names of files", () => {
    expect(["a.py", "b.yml", "c.json", "d.sh", "e"].map(languageOf)).toEqual(["python", "yaml", "json", "bash", "python"]);
  });
});

describe("what happened, in words", () => {
  it("names the reader's own line and how often", () => {
    expect(whereOf(told([tried(1, "m"), tried(2, "m")]))).toBe(" at trial.py:88 in all 2 attempts.");
    expect(whereOf(told([tried(1, "m"), tried(2, "n"), tried(3, null)]))).toBe(" at trial.py:88 in 1 of 3 attempts.");
    expect(whereOf(told([tried(1, "m")]))).toBe(" at trial.py:88.");
  });
  it("tells libraries from what is the reader's", () => {
    const own = (file: string) => isOwn({ file, line: 1, name: "" });
    expect(["/home/me/a.py", "/v/lib/python3.12/site-packages/torch/x.py", "/usr/lib/python3.11/json/d.py", "<frozen x>"].map(own)).toEqual([true, false, false, false]);
  });
  it("says what was skipped", () => {
    expect(consequence(told([], [["a/b", "skipped"], ["a/c", "succeeded"]]))).toBe(" b was skipped.");
    expect(consequence(told([], ["1", "2", "3", "4"].map((each): [string, string] => [each, "skipped"])))).toBe(" 1, 2, 3 and 1 more were skipped.");
  });
  it("links the steps that reasons name, and no others", () => {
    const words = plain(linked("It waits for f/a-0 and f/a-01; `motet retry x` runs f/a-0.", new Map([["f/a-0", ""]])));
    expect(words).toBe("It waits for <a to>a-0</> and f/a-01; <code >motet retry x</> runs <a to>a-0</>.");
  });
  it("reads a schema off values", () => {
    expect(schemaOf({ a: 1, b: "x", c: true, d: [1] }).properties).toEqual({ a: { type: "number" }, b: { type: "string" }, c: { type: "boolean" }, d: {} });
  });
});
