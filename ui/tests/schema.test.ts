// Forms from schemas: what is asked for, what fits, and the same as a command.
import { describe, expect, it } from "vitest";
import { params } from "../src/core/acts";
import { BROKEN, changed, check, filled, kindOf, meant, words, type Schema } from "../src/parts/schema";

const schema: Schema = {
  type: "object",
  required: ["lr", "model"],
  $defs: { Model: { type: "object", properties: { depth: { type: "integer", minimum: 1, default: 6 }, kind: { enum: ["rf", "xgb"] } }, required: ["kind"] } },
  properties: {
    lr: { type: "number", exclusiveMinimum: 0, maximum: 1 },
    model: { $ref: "#/$defs/Model" },
    tags: { type: "array", items: { type: "string", minLength: 2 }, maxItems: 2 },
    note: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
    loud: { type: "boolean", default: false },
    extra: {},
  },
};

describe("schema", () => {
  it("knows which control asks for what", () => {
    const kinds = Object.entries(schema.properties ?? {}).map(([name, each]) => [name, kindOf(each, schema)]);
    expect(Object.fromEntries(kinds)).toEqual({ lr: "number", model: "object", tags: "list", note: "text", loud: "boolean", extra: "json" });
    expect(kindOf({ type: "string", contentEncoding: "base64" })).toBe("file");
    expect(kindOf({ type: ["integer", "null"] })).toBe("integer");
  });

  it("says what is asked for", () => {
    expect(words(schema.properties?.lr ?? {})).toBe("a number above 0 up to 1");
    expect(words({ type: "integer", minimum: 1, maximum: 3 })).toBe("a whole number from 1 to 3");
    expect(words({ type: "array", items: { type: "boolean" } })).toBe("a list of yes or no");
  });

  it("fills in defaults, also of what is within, and keeps what is given", () => {
    expect(filled(schema, { lr: 0.5 })).toEqual({ lr: 0.5, model: { depth: 6 }, note: null, loud: false });
    expect(filled(schema, { model: { depth: 2 } }).model).toEqual({ depth: 2 });
  });

  it("finds each thing that does not fit, at its field", () => {
    const wrong = check(schema, { lr: 0, model: { depth: 1.5 }, tags: ["ok", "x"], loud: "yes", extra: BROKEN });
    expect(Object.fromEntries(wrong)).toEqual({
      lr: "It is to be a number above 0 up to 1.",
      "model.depth": "It is to be a whole number from 1.",
      "model.kind": "It is needed.",
      "tags[1]": "At least 2 characters.",
      loud: "It is to be yes or no.",
      extra: "This is no JSON.",
    });
    expect(check(schema, { lr: 1, model: { kind: "rf" }, note: null }).size).toBe(0);
    expect(check(schema, {}).get("model")).toBe("It is needed.");
    expect(check({ properties: { n: { type: "number", multipleOf: 0.1 } } }, { n: 0.3 }).size).toBe(0);
    expect(check({ properties: { s: { type: "string", pattern: "(?P<odd>x)" } } }, { s: "y" }).size).toBe(0);
  });

  it("does not follow what refers to itself for ever", () => {
    const round: Schema = { $ref: "#/$defs/A", $defs: { A: { $ref: "#/$defs/A" } } };
    expect(meant(round)).toEqual({});
  });

  it("gives what changed, and the words of the command", () => {
    expect(changed({ a: 1, b: [2] }, { a: 1, b: [3] })).toEqual({ b: [2] });
    expect(params({ n: 3, s: "free text", t: "3", l: ["a"] })).toEqual(["-p", "n=3", "-p", "s=free text", "-p", 't="3"', "-p", 'l=["a"]']);
  });
});
