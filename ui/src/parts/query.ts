// The query line of Runs: conditions as words, `status:failed tag:nightly started>2026-11-16 val_rmse<4.8`, and text;
// what the API is asked for them.
import type { Query } from "../core/api";

/** One condition, as it was written. `name` is "" for text. */
export interface Condition {
  written: string;
  name: string;
  sign: string;
  value: string;
}

const NAMED = new Set(["status", "voice", "workflow", "tag", "parent"]);
const FORM = /^([\w.\-/ ]+?)(>=|<=|:|=|<|>)(.+)$/;

/** The words of a line; those in double quotes are one. */
export function split(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map((each) => each[0]).filter(Boolean);
}

/** The condition that a word is. */
export function condition(written: string): Condition {
  const found = FORM.exec(written.replaceAll('"', ""));
  if (!found?.[1] || !found[2] || !found[3]) return { written, name: "", sign: "", value: written.replaceAll('"', "") };
  return { written, name: found[1], sign: found[2], value: found[3] };
}

/** The conditions of a line. */
export function conditions(line: string): Condition[] {
  return split(line).map(condition);
}

/** A word of a line for that condition, quoted where it has to be. */
export function write(name: string, sign: string, value: string): string {
  const whole = `${name}${sign}${value}`;
  return /\s/.test(whole) ? `"${whole.replaceAll('"', "")}"` : whole;
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400 };

/** The moment that "2026-11-16", "2026-11-16T14:05" or "2h" (ago) is, in seconds; null for none. */
export function moment(text: string, now = Date.now() / 1000): number | null {
  const ago = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (ago?.[1] && ago[2]) return now - Number(ago[1]) * (UNITS[ago[2]] ?? 1);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const at = new Date(text.includes("T") ? text : `${text}T00:00`).getTime() / 1000;
  return Number.isFinite(at) ? at : null;
}

/** A time as a condition says it, to the second. */
export function written(at: number): string {
  const of = new Date(at * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${of.getFullYear()}-${two(of.getMonth() + 1)}-${two(of.getDate())}T${two(of.getHours())}:${two(of.getMinutes())}:${two(of.getSeconds())}`;
}

/** What the API is asked for a line; `wrong` are the words that it cannot be asked for, each with why. */
export function asked(line: string, now?: number): { query: Query; wrong: string[] } {
  const query: Record<string, string | number | string[]> = {};
  const metric: string[] = [];
  const param: string[] = [];
  const words: string[] = [];
  const wrong: string[] = [];
  for (const of of conditions(line)) {
    if (!of.name) words.push(of.value);
    else if (of.sign === ":" || (of.sign === "=" && NAMED.has(of.name))) {
      if (NAMED.has(of.name)) query[of.name] = of.value;
      else if (of.name === "text") words.push(of.value);
      else wrong.push(`There is no ${of.name}: to ask for. There are status, voice, workflow, tag, parent.`);
    } else if (of.name === "started") {
      const at = moment(of.value, now);
      if (at === null || of.sign === "=") wrong.push(`${of.written}: write started>2026-11-16, or started>2h.`);
      else query[of.sign.startsWith(">") ? "since" : "until"] = at;
    } else if (of.sign === "=") param.push(`${of.name}=${of.value}`);
    else if (Number.isFinite(Number(of.value))) metric.push(`${of.name}${of.sign}${of.value}`);
    else wrong.push(`${of.written}: ${of.value} is no number.`);
  }
  if (words.length) query.text = words.join(" ");
  if (metric.length) query.metric = metric;
  if (param.length) query.param = param;
  return { query, wrong };
}

/** The line without a condition, or with one more. */
export function without(line: string, written: string): string {
  const words = split(line);
  const place = words.indexOf(written);
  return words.filter((_, index) => index !== place).join(" ");
}
export function withOne(line: string, written: string): string {
  const name = condition(written).name;
  const alone = NAMED.has(name);
  const kept = split(line).filter((each) => each !== written && !(alone && condition(each).name === name));
  return [...kept, written].join(" ");
}
