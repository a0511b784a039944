// What an event tells, in a line; and how many came when.
import { bytes, duration, figure, inline } from "../core/words";
import type { Event, Json } from "../core/types";

/** The status whose mark an event of an engine bears; "" for none. */
export function statusOf(event: Event): string {
  if (event.published) return "";
  const [of, what] = event.key.split(".");
  if (of !== "step" && of !== "run" && of !== "elements") return "";
  const status = what === "started" ? "running" : what === "finished" ? (field(event.value, "status") ?? "succeeded") : what;
  return ["running", "succeeded", "failed", "retrying", "waiting", "skipped", "cancelled", "crashed"].includes(String(status)) ? String(status) : "";
}

function field(of: Json, name: string): Json {
  return typeof of === "object" && of !== null && !Array.isArray(of) ? (of[name] ?? null) : null;
}

/** The value of an event that was published, or what an engine recorded, on one line. */
export function told(event: Event): string {
  if (event.namespace === "artifact") return artifact(event.value);
  if (event.published) return brief(event.value, 160);
  if (event.key === "run.started") return `by ${inline(field(event.value, "owner"))}`;
  const result = field(event.value, "result");
  if (event.key === "run.finished") return [String(field(event.value, "status") ?? "succeeded"), errorOf(event.value) || (result === null ? "" : brief(result))].filter(Boolean).join(", ");
  const key = field(event.value, "key");
  const element = field(event.value, "element");
  const facts = field(field(event.value, "facts"), "wall_s");
  const parts = [
    typeof key === "string" ? `${key}${typeof element === "number" && element >= 0 ? `[${element}]` : ""}` : "",
    errorOf(event.value),
    typeof facts === "number" ? duration(facts) : "",
    event.key.startsWith("event.") || event.key.startsWith("wait.") ? String(field(event.value, "wait") || field(event.value, "key") || "") : "",
  ];
  return [...new Set(parts.filter(Boolean))].join(", ") || fields(event.value);
}

function errorOf(value: Json): string {
  const message = field(field(value, "error"), "message");
  return typeof message === "string" ? (message.split("\n")[0] ?? "") : "";
}

/** What else an engine recorded: its fields by name, those of every event left out. */
function fields(value: Json): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return inline(value, 120);
  const told = Object.entries(value).filter(([name, each]) => !["event", "at", "epoch", "fingerprint"].includes(name) && each !== null && each !== "");
  return told.map(([name, each]) => `${name} ${brief(each, 60)}`).join(", ");
}

/** A recorded value in words: what is kept as an object, or elsewhere, by what it is. */
export function brief(value: Json, most = 120): string {
  const [shown, pickle, artifact, plain] = ["shown", "pickle", "artifact", "json"].map((each) => field(value, each));
  if (typeof shown === "string") return inline(shown, most);
  if (typeof artifact === "string") return `an artifact, ${bytes(Number(field(value, "size_bytes")))}`;
  if (typeof pickle === "string") return `an object, ${bytes((pickle.length * 3) / 4)}`;
  return inline(plain ?? value, most);
}

/** Whether somebody published it, and not Motet itself for what a run has made or was asked. */
export const isOwn = (event: Event) => event.published && event.namespace !== "artifact" && event.namespace !== "motet";

function artifact(value: Json): string {
  const preview = field(value, "preview");
  const step = String(field(value, "step") ?? "");
  if (field(value, "type") === "metric") return `metric ${figure(Number(field(preview, "value")))} at ${inline(field(preview, "x"))}, ${step}`;
  return [String(field(value, "type") ?? ""), String(field(value, "description") ?? ""), step].filter(Boolean).join(", ");
}

/** Whether the text is in what is shown of an event. */
export function has(event: Event, text: string, name = ""): boolean {
  const needle = text.toLowerCase();
  return [event.key, event.namespace, event.run, event.sender, name, JSON.stringify(event.value)].some((each) => each.toLowerCase().includes(needle));
}

/** How many events came in each of `columns` equal parts of the time from `since` until `until`. */
export function rates(times: readonly number[], since: number, until: number, columns: number): number[] {
  const found = new Array<number>(columns).fill(0);
  for (const at of times) {
    const column = Math.floor(((at - since) / (until - since)) * columns);
    if (column >= 0 && column < columns) found[column] = (found[column] ?? 0) + 1;
  }
  return found;
}

export interface Seen {
  by: "run" | "trigger";
  run: string;
  name: string;
  rule: string;
  in_words: string;
  fired: boolean;
  did: string;
  step: string;
  target?: string;
  conditions: { words: string; holds: boolean; value: string }[];
}

/** "3 rules: one fired, two did not". */
export function seenBy(rules: readonly Seen[]): string {
  if (!rules.length) return "no rule";
  const fired = rules.filter((each) => each.fired).length;
  const numbers = ["none", "one", "two", "three", "four", "five", "six"];
  const say = (of: number) => numbers[of] ?? String(of);
  if (rules.length === 1) return fired ? "1 rule, which fired" : "1 rule, which did not fire";
  return `${rules.length} rules: ${say(fired)} fired, ${say(rules.length - fired)} did not`;
}

/** Of values over time the numbers: the values themselves, or the field that a rule compares, or the first number. */
export function series(hour: readonly [number, Json][], rules: readonly Seen[]): { name: string; points: [number, number][]; lines: [number, string][] } {
  const compared = rules.flatMap((each) => each.conditions.map((of) => [/^value(?:\.(\S+?))?\s*(?:>=|<=|>|<)\s*(-?[\d.eE+]+)$/.exec(of.words), each] as const));
  const found = compared.find(([of]) => of);
  let name = found?.[0]?.[1] ?? "";
  const last = hour.at(-1)?.[1];
  if (!found && typeof last === "object" && last !== null && !Array.isArray(last)) name = Object.entries(last).find(([, of]) => typeof of === "number")?.[0] ?? "";
  const of = (value: Json) => (name ? name.split(".").reduce<Json>((at, part) => field(at, part), value) : value);
  const points = hour.flatMap(([at, value]): [number, number][] => {
    const n = of(value);
    return typeof n === "number" ? [[at, n]] : [];
  });
  const lines = compared.flatMap(([match, each]): [number, string][] => (match && (match[1] ?? "") === name ? [[Number(match[2]), each.name]] : []));
  return { name, points, lines };
}
