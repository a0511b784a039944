// Everything that the page lets be done: the call of the API, the command line that does the same, and how it went.
import { signal } from "@preact/signals";
import { ApiError, at, post } from "./api";
import type { Json, Run } from "./types";

/** What became of an act: shown beside the button, for a while. */
export interface Outcome {
  words: string;
  bad: boolean;
}

/** Runs, by id, of which something was asked that the journal has not told of yet: shown as "stopping". */
export const under = signal<ReadonlyMap<string, string>>(new Map());

function mark(run: string, words: string | null): void {
  const changed = new Map(under.peek());
  if (words) changed.set(run, words);
  else changed.delete(run);
  under.value = changed;
}

/** What the journal says holds: forget what was asked of the run. */
export function settled(run: string): void {
  if (under.peek().has(run)) mark(run, null);
}

const safe = /^[\w@%+=:,./-]+$/;
/** A word of a command line, quoted where a shell needs it. */
export function quoted(word: string): string {
  return safe.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line. */
export function command(...words: string[]): string {
  return words.map(quoted).join(" ");
}

/** Parameters as options: -p name=value. Text that could be read as JSON is written as JSON. */
export function params(of: Record<string, Json> | undefined): string[] {
  return Object.entries(of ?? {}).flatMap(([name, each]) => ["-p", `${name}=${isPlain(each) ? each : JSON.stringify(each)}`]);
}

function isPlain(of: Json): of is string {
  if (typeof of !== "string") return false;
  try {
    JSON.parse(of);
    return false;
  } catch {
    return true;
  }
}

async function asking<T>(run: string, words: string, act: Promise<T>): Promise<T> {
  mark(run, words);
  try {
    return await act;
  } catch (error) {
    mark(run, null);
    throw error;
  }
}

export interface ForkOf {
  anew?: string[];
  params?: Record<string, Json>;
  name?: string;
}

/** Ask a run to stop. */
export const stop = (run: Run, reason = "") => asking(run.id, "stopping", post<Run>(at`/runs/${run.id}/stop`, { reason }));
export const stopCommand = (run: Pick<Run, "name">) => command("motet", "stop", run.name);

/** Have a run go on that crashed, failed or was stopped; with `rerun`, these steps anew. */
export const resume = (run: Run, rerun: string[] = []) =>
  asking(run.id, "resuming", post<Run>(at`/runs/${run.id}/resume`, { rerun }));
export const resumeCommand = (run: Pick<Run, "name">, rerun: string[] = []) =>
  command("motet", "resume", run.name, ...rerun.flatMap((each) => ["--rerun", each]));

/** A new run like that one. */
export const fork = (run: Pick<Run, "id">, of: ForkOf = {}) => post<Run>(at`/runs/${run.id}/fork`, of);
export const forkCommand = (run: Pick<Run, "name">, of: ForkOf = {}) =>
  command("motet", "fork", run.name, ...(of.anew ?? []).flatMap((each) => ["--from", each]), ...params(of.params));

/** Answer what a run has asked. */
export const answer = (run: string, values: Record<string, Json>, step = "") =>
  post<Json>(at`/runs/${run}/answer`, { values, step });
export const answerCommand = (run: string, values: Record<string, Json>, step = "") =>
  command("motet", "answer", run, ...params(values), ...(step ? ["--step", step] : []));

/** Publish an event to all runs, or to one (its id). */
export const publish = (key: string, value: Json, namespace = "", run?: string) =>
  post<{ offset: number }>(run ? at`/runs/${run}/events` : "/events", { key, value, namespace });
export const publishCommand = (key: string, value: Json, namespace = "") =>
  command("motet", "publish", key, JSON.stringify(value), ...(namespace ? ["--namespace", namespace] : []));

/** What went wrong, in the words of the page: "Not stopped: the run ended 2 s ago." */
export function refused(what: string, error: unknown): Outcome {
  const of = error instanceof ApiError ? `${error.what}${error.cure ? ` ${error.cure}` : ""}` : String(error);
  return { words: `${what}: ${of}`, bad: true };
}
