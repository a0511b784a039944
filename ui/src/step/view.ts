// What the server tells of one step, and what is said of it in words.
import { address, flag, number, param, word } from "../core/router";
import type { Attempt, ErrorRecord, Json, Run, Step } from "../core/types";
import type { Artifact, Shown } from "../parts/preview";

export interface Frame { file: string; line: number; name: string; code?: [number, string][] }
export interface Failure extends ErrorRecord { frames?: Json & Frame[] }
export interface Tried extends Omit<Attempt, "facts"> { facts: Record<string, Json> | null; error: Failure | null }
export interface Input extends Shown { name: string; from: string; others?: Record<string, Json> }
export interface Waits { for: string; since: number; words: string; schema?: Json; description?: string; event?: string; refused?: { error: string } }

/** All of a step beside its log: `GET /runs/{run}/step`. */
export interface StepTold {
  run: Run; step: Step; before: string; after: string; needed_by: [string, string][]; attempts: Tried[];
  inputs: Input[]; result: Shown; artifacts: Artifact[]; waits: Waits | null; now: number;
  why: { why: string[]; story: { at: number; what: string }[]; nearest: { run: string; step: string } | null; reused: [string, string] | null; cache: { from?: [string, string] } | null };
  code: { target?: string; code?: string; environment?: Record<string, string> };
  policy: { executor?: string; retries?: number; timeout_s?: number; demands?: Record<string, number> };
}

export const selected = param<string | null>("step", word);
/** The attempt that is looked at; null for the last, and the log of all. */
export const attempt = param<number | null>("attempt", number);
/** Whether the step has most of the page, and its view the rest. */
export const wide = param<boolean>("wide", flag);

export const nameOf = (key: string) => key.split("/").pop() ?? key;
export const fileOf = (path: string) => path.split("/").pop() ?? path;
/** Where another step of this run stands, or one of another run. */
export const stepAt = (key: string, run?: string) => (run ? `/runs/${encodeURIComponent(run)}/radar?step=${encodeURIComponent(key)}` : address(undefined, { step: key, attempt: null }));

export const isOver = (run: Run) => ["succeeded", "failed", "cancelled"].includes(run.status);
const LIBRARY = /\/(site-packages|dist-packages|lib\/python[\d.]+)\/|^<frozen/;
export const isOwn = (frame: Frame) => !LIBRARY.test(frame.file);

/** The frame that the reader wants: the last of their own. */
export const culprit = (of: Failure | null | undefined) => of?.frames?.filter(isOwn).at(-1);

/** What happened, where and how often: "at trial.py:88 in all 3 attempts". */
export function whereOf(of: StepTold): string {
  const failed = of.attempts.filter((each) => each.error);
  const last = failed.at(-1)?.error;
  const frame = culprit(last);
  const alike = failed.filter((each) => each.error?.type === last?.type && each.error?.message === last?.message).length;
  const often = failed.length < 2 ? "" : alike === failed.length && alike === of.attempts.length ? ` in all ${alike} attempts` : ` in ${alike} of ${of.attempts.length} attempts`;
  return `${frame ? ` at ${fileOf(frame.file)}:${frame.line}` : ""}${often}.`;
}

/** What became of the steps that take its result. */
export function consequence(of: StepTold): string {
  const skipped = of.needed_by.filter(([, status]) => status === "skipped").map(([key]) => nameOf(key));
  if (!skipped.length) return "";
  return ` ${skipped.slice(0, 3).join(", ")}${skipped.length > 3 ? ` and ${skipped.length - 3} more` : ""} ${skipped.length > 1 ? "were" : "was"} skipped.`;
}

/** A schema of values, by what they are, where nobody has given one. */
export function schemaOf(values: Record<string, Json>): { type: string; properties: Record<string, { type?: string }> } {
  const type = (of: Json) => (typeof of === "string" ? "string" : typeof of === "boolean" ? "boolean" : typeof of === "number" ? "number" : undefined);
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(values).map(([name, of]) => [name, type(of) ? { type: type(of) as string } : {}])),
  };
}
