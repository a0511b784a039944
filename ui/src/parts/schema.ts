// What a JSON schema asks for, as a form sees it: kinds of fields, defaults, what does not fit, and the command's words.
import type { Json } from "../core/types";

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  contentEncoding?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

export type Kind = "text" | "number" | "integer" | "boolean" | "choice" | "list" | "object" | "file" | "json";
export type Values = Record<string, Json>;

const MOST_FILE_BYTES = 700_000; // a request's body has at most a megabyte, and a file is a third longer in base64
export const LARGEST_FILE = MOST_FILE_BYTES;

/** The schema that is meant: references followed, "or nothing" left out. `root` has the definitions. */
export function meant(schema: Schema, root: Schema = schema, depth = 0): Schema {
  if (depth > 8) return {};
  const name = schema.$ref?.split("/").pop();
  if (name) return meant({ ...root.$defs?.[name], ...without(schema, "$ref") }, root, depth + 1);
  const either = schema.anyOf ?? schema.oneOf;
  const one = either?.filter((each) => each.type !== "null");
  if (one?.length === 1 && one[0]) return meant({ ...one[0], ...without(schema, "anyOf", "oneOf") }, root, depth + 1);
  if (schema.allOf?.length === 1 && schema.allOf[0]) return meant({ ...schema.allOf[0], ...without(schema, "allOf") }, root, depth + 1);
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((each) => each !== "null");
    if (types.length === 1 && types[0]) return { ...schema, type: types[0] };
  }
  return schema;
}

function without(schema: Schema, ...names: (keyof Schema)[]): Schema {
  const kept = { ...schema };
  for (const each of names) delete kept[each];
  return kept;
}

/** Whether the field may be empty: null fits. */
export function isOptional(schema: Schema): boolean {
  const types = Array.isArray(schema.type) ? schema.type : [];
  return types.includes("null") || [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((each) => each.type === "null");
}

/** What kind of control asks for it. */
export function kindOf(given: Schema, root: Schema = given): Kind {
  const schema = meant(given, root);
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.format === "binary" || schema.contentEncoding === "base64") return "file";
  if (schema.type === "string") return "text";
  if (schema.type === "number" || schema.type === "integer" || schema.type === "boolean") return schema.type;
  if (schema.type === "array" && schema.items && kindOf(schema.items, root) !== "json") return "list";
  if (schema.properties) return "object";
  return "json";
}

/** "a whole number from 1 to 10", "one of 3", "text": what is asked for, in words. */
export function words(given: Schema, root: Schema = given): string {
  const schema = meant(given, root);
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const from = low === undefined ? "" : schema.minimum === undefined ? ` above ${low}` : ` from ${low}`;
  const to = high === undefined ? "" : schema.maximum === undefined ? ` below ${high}` : from.includes("from") ? ` to ${high}` : ` up to ${high}`;
  switch (kindOf(schema, root)) {
    case "integer": return `a whole number${from}${to}`;
    case "number": return `a number${from}${to}`;
    case "boolean": return "yes or no";
    case "choice": return `one of ${(schema.enum ?? [schema.const ?? null]).length}`;
    case "list": return `a list of ${schema.items ? words(schema.items, root) : "values"}`;
    case "file": return "a file";
    case "object": return "several values";
    case "text": return schema.format === "date-time" ? "a time" : schema.format ? `text, ${schema.format}` : "text";
    default: return "JSON";
  }
}

/** What a form begins with: what is given, else defaults. A field without either is left out. */
export function filled(given: Schema, values: Values = {}, root: Schema = given): Values {
  const found: Values = {};
  for (const [name, each] of Object.entries(meant(given, root).properties ?? {})) {
    const field = meant(each, root);
    const inner = values[name] ?? field.default;
    if (values[name] !== undefined) found[name] = values[name];
    else if (field.default !== undefined) found[name] = field.default;
    if (kindOf(field, root) === "object" && field.properties) {
      const whole = filled(field, isObject(inner) ? inner : {}, root);
      if (Object.keys(whole).length) found[name] = whole;
    }
  }
  return found;
}

export const isObject = (of: unknown): of is Values => typeof of === "object" && of !== null && !Array.isArray(of);

/** What does not fit, by the path of its field ("a", "a.b", "a[2]"); empty where all fits. */
export function check(given: Schema, values: Values, root: Schema = given, within = ""): Map<string, string> {
  const wrong = new Map<string, string>();
  const schema = meant(given, root);
  for (const [name, each] of Object.entries(schema.properties ?? {})) {
    const path = within ? `${within}.${name}` : name;
    const value = values[name];
    if (value === undefined) {
      if (schema.required?.includes(name)) wrong.set(path, "It is needed.");
    } else for (const [at, why] of checkValue(each, value, root, path)) wrong.set(at, why);
  }
  return wrong;
}

function checkValue(given: Schema, value: Json, root: Schema, path: string): [string, string][] {
  const schema = meant(given, root);
  if (value === null && (isOptional(given) || isOptional(schema))) return [];
  const kind = kindOf(schema, root);
  const asked = `It is to be ${words(schema, root)}.`;
  if (value === BROKEN) return [[path, "This is no JSON."]];
  if (kind === "choice") {
    const choices = schema.enum ?? [schema.const ?? null];
    return choices.some((each) => JSON.stringify(each) === JSON.stringify(value)) ? [] : [[path, asked]];
  }
  if (kind === "number" || kind === "integer") return isNumber(schema, kind, value) ? [] : [[path, asked]];
  if (kind === "boolean") return typeof value === "boolean" ? [] : [[path, asked]];
  if (kind === "text" || kind === "file") return checkText(schema, value, path);
  if (kind === "list") {
    if (!Array.isArray(value)) return [[path, asked]];
    if (value.length < (schema.minItems ?? 0)) return [[path, `At least ${schema.minItems}.`]];
    if (value.length > (schema.maxItems ?? Infinity)) return [[path, `At most ${schema.maxItems}.`]];
    return value.flatMap((each, index) => checkValue(schema.items ?? {}, each, root, `${path}[${index}]`));
  }
  if (kind === "object") return isObject(value) ? [...check(schema, value, root, path)] : [[path, asked]];
  const types = ([] as string[]).concat(schema.type ?? []);
  if (types.includes("object") && !isObject(value)) return [[path, "It is to be an object: {…}."]];
  if (types.includes("array") && !Array.isArray(value)) return [[path, "It is to be a list: […]."]];
  return [];
}

function isNumber(schema: Schema, kind: Kind, value: Json): boolean {
  if (typeof value !== "number" || !Number.isFinite(value) || (kind === "integer" && !Number.isInteger(value))) return false;
  const steps = schema.multipleOf ? value / schema.multipleOf : 0;
  return (
    value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity) && value > (schema.exclusiveMinimum ?? -Infinity)
    && value < (schema.exclusiveMaximum ?? Infinity) && Math.abs(steps - Math.round(steps)) < 1e-9
  );
}

function checkText(schema: Schema, value: Json, path: string): [string, string][] {
  if (typeof value !== "string") return [[path, "It is to be text."]];
  if (value.length < (schema.minLength ?? 0)) return [[path, `At least ${schema.minLength} characters.`]];
  if (value.length > (schema.maxLength ?? Infinity)) return [[path, `At most ${schema.maxLength} characters.`]];
  try {
    if (schema.pattern && !new RegExp(schema.pattern, "u").test(value)) return [[path, `It is to fit ${schema.pattern}.`]];
  } catch {
    return []; // a pattern of another language: the server judges
  }
  return [];
}

/** Stands for text in a field of JSON that is none; never sent. */
export const BROKEN = "\u0000no JSON";

/** What is typed, as JSON; BROKEN for what is none. */
export function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return BROKEN;
  }
}

/** What of the values is not as it was; all of them without `was`. */
export function changed(values: Values, was: Values = {}): Values {
  return Object.fromEntries(Object.entries(values).filter(([name, each]) => JSON.stringify(each) !== JSON.stringify(was[name])));
}
