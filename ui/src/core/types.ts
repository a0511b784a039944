// What the API gives, as types: see docs/reference/api-http.md.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface ErrorRecord {
  type?: string;
  message?: string;
  traceback?: string;
  [more: string]: Json | undefined;
}

export interface Run {
  id: string;
  name: string;
  workflow: string;
  status: string;
  params: Json;
  tags: string[];
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  duration_s: number | null;
  counts: Record<string, number>;
  waits: Json[];
  result: Json;
  error: ErrorRecord | null;
  program: Record<string, Json>;
  owner: { host: string; pid: number } | null;
}

export interface RunList {
  runs: Run[];
  next: string | null;
}

export interface Step {
  key: string;
  task: string;
  form: string;
  status: string;
  parent: string;
  name: string;
  attempt: number;
  cached: number;
  needs: string[];
  size: number | null;
  done: number;
  added_at: number;
  started_at: number | null;
  ended_at: number | null;
  duration_s: number | null;
  result: Json;
  error: ErrorRecord | null;
}

export interface StepList {
  steps: Step[];
  next: number | null;
  behind: number;
}

export interface Attempt {
  number: number;
  ready_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  outcome: string;
  facts: Json;
}

export interface LogLine {
  at: number;
  key: string;
  attempt: number;
  stream: string;
  text: string;
}

export interface Event {
  offset: number;
  run: string;
  seq: number;
  key: string;
  namespace: string;
  value: Json;
  at: number;
  sender: string;
  published: boolean;
}

export interface EventList {
  events: Event[];
  next: number;
  head: number;
}

export interface Cell {
  at: number;
  width_s: number;
  took_s: number | null;
  status: string;
  count: number;
}

/** One event of the journal in a few words, as the live stream tells it. */
export interface Change {
  offset: number;
  run: string;
  key: string;
  at: number;
  step?: string;
  namespace?: string;
  sender?: string;
}
