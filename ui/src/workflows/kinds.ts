// What the API tells of workflows, schedules and triggers, and the same in sentences.
import { command } from "../core/acts";
import type { Json } from "../core/types";
import { duration, inline } from "../core/words";
import type { Schema, Values } from "../parts/schema";

export interface Workflow {
  name: string;
  version: number;
  voice: string;
  workflow: string;
  target: string;
  schema: Schema;
  params: Values;
  tags: string[];
  created_at: number;
}

export interface Schedule {
  name: string;
  target: string;
  params: Values;
  cron: string | null;
  every_s: number | null;
  at: number | null;
  zone: string;
  start_at: number | null;
  end_at: number | null;
  catch_up: string;
  overlap: string;
  paused: boolean;
  created_at: number;
  started: number;
  skipped: number;
  told: Json[];
  runs: string[];
  next_at: number | null;
}

export interface Trigger {
  name: string;
  target: string;
  key: string;
  namespace: string | null;
  sender: string | null;
  where: string[];
  params: Values;
  take: Record<string, string>;
  paused: boolean;
  started: number;
  runs: string[];
  told: Json[];
}

export interface Times {
  words: string;
  times: { at: number; local: string; note: string }[];
}

/** Whether a schedule or trigger begins runs of that workflow: NAME or NAME@VERSION. */
export const begins = (of: { target: string }, name: string) => of.target.split("@")[0] === name;

const given = (of: Values) => Object.entries(of).map(([name, value]) => `${name} ${inline(value, 40)}`).join(", ");

/** What a schedule does beside its times: "of missed times the last is run; a run begins beside one that is under way". */
export function policies(of: Pick<Schedule, "catch_up" | "overlap" | "params">): string {
  const missed = { last: "Of times that were missed the last is run", all: "Times that were missed are all run", skip: "Times that were missed are left out" }[of.catch_up];
  const over = { allow: "runs may overlap", skip: "none begins while one is under way", wait: "one waits for the other", stop: "the old one is stopped" }[of.overlap];
  return `${missed ?? of.catch_up}; ${over ?? of.overlap}.${Object.keys(of.params).length ? ` With ${given(of.params)}.` : ""}`;
}

/** A trigger as a sentence. */
export function sentence(of: Trigger): string {
  const what = of.key.includes("*") ? `any event like ${of.key}` : `event ${of.key}`;
  const where = [of.namespace ? `of ${of.namespace}` : "", of.sender ? `sent by ${of.sender}` : "", of.where.length ? `with ${of.where.join(" and ")}` : ""];
  const take = Object.entries(of.take).map(([name, part]) => `${name} from ${part}`);
  const params = [given(of.params), ...take].filter(Boolean).join(", ");
  return `When ${[what, ...where].filter(Boolean).join(" ")} comes, begin ${of.target}${params ? ` with ${params}` : ""}.`;
}

/** The time that a schedule's own clock shows, without its zone: "Sun 28 Mar 03:00". */
export function localTime(local: string): string {
  const of = new Date(`${local.slice(0, 19)}Z`);
  const words = of.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" }).replace(",", "");
  const seconds = local.slice(17, 19);
  return `${words} ${local.slice(11, 16)}${seconds === "00" ? "" : `:${seconds}`}`;
}

export interface When {
  kind: "cron" | "every" | "once";
  cron: string;
  every: string;
  at: string;
  zone: string;
  overlap: string;
  catch_up: string;
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** The seconds of "90s", "15m", "12h", "7d"; null for what is none. */
export function secondsOf(text: string): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*$/.exec(text);
  return found ? Number(found[1]) * (UNITS[found[2] ?? ""] ?? 1) : null;
}

/** What of a schedule's form is sent; null while it cannot be meant. */
export function asked(of: When): Record<string, string | number> | null {
  if (of.kind === "cron") return of.cron.trim() ? { cron: of.cron.trim(), zone: of.zone } : null;
  if (of.kind === "every") {
    const every = secondsOf(of.every);
    return every === null ? null : { every_s: every, zone: of.zone };
  }
  const at = Date.parse(of.at);
  return Number.isNaN(at) ? null : { at: at / 1000, zone: of.zone };
}

/** The command that makes such a schedule. */
export function scheduleCommand(target: string, name: string, of: When, params: string[]): string {
  const when = of.kind === "cron" ? ["--cron", of.cron] : of.kind === "every" ? ["--every", of.every] : ["--at", of.at];
  const zone = of.kind === "every" ? [] : ["--zone", of.kind === "once" ? Intl.DateTimeFormat().resolvedOptions().timeZone : of.zone];
  const more = [...(of.overlap === "allow" ? [] : ["--overlap", of.overlap]), ...(of.catch_up === "last" ? [] : ["--catch-up", of.catch_up])];
  return command("motet", "schedule", "add", target, "--name", name, ...when, ...zone, ...more, ...params);
}

export const shortly = (at: number | null, now = Date.now() / 1000) => (at === null ? "" : `in ${duration(at - now)}`);
