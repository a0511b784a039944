// What happens, as it does: one stream of events for all tabs of a browser. The tab that holds a lock listens to the
// server and tells the others; when it is closed another one takes over, from the event that it has seen last.
import { signal } from "@preact/signals";
import { signedOut } from "./api";
import type { Change } from "./types";

export type Connection = "connecting" | "live" | "reconnecting" | "offline";

/** How the page stands to the server. */
export const connection = signal<Connection>("connecting");
/** When the server was heard of last, in seconds since the epoch. */
export const heardAt = signal(Date.now() / 1000);

type Told = (changes: Change[]) => void;
type Message =
  | { kind: "changes"; changes: Change[]; last: number }
  | { kind: "lines"; run: string }
  | { kind: "state"; state: Connection; at: number }
  | { kind: "wanted"; run: string }
  | { kind: "unwanted"; run: string }
  | { kind: "who" };

const listeners = new Set<Told>();
const lineListeners = new Map<string, Set<() => void>>();
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("motet-live");
const OFFLINE_MS = 20_000;
const AGAIN_MS = 1_000;
let last = 0;
let leads = false;

function tell(changes: Change[]): void {
  for (const each of [...listeners]) each(changes);
}

function tellLines(run: string): void {
  for (const each of [...(lineListeners.get(run) ?? [])]) each();
}

function become(state: Connection): void {
  connection.value = state;
  heardAt.value = Date.now() / 1000;
  if (leads) channel?.postMessage({ kind: "state", state, at: heardAt.value } satisfies Message);
}

/** The one stream of this browser: opened anew when it breaks, and when other runs' lines are wanted. */
class Stream {
  private source: EventSource | null = null;
  private lostAt = 0;
  private readonly wanted = new Map<string, number>();
  private timer = 0;

  open(): void {
    this.source?.close();
    const query = new URLSearchParams();
    if (last) query.set("after", String(last));
    for (const run of [...this.wanted.keys()].slice(0, 20)) query.append("lines", run);
    const text = query.toString();
    const source = new EventSource(`/api/v1/live${text ? `?${text}` : ""}`);
    this.source = source;
    source.onopen = () => {
      this.lostAt = 0;
      become("live");
    };
    source.onerror = () => this.lost(source);
    source.addEventListener("changes", (event) => {
      const changes = JSON.parse(event.data) as Change[];
      last = Number(event.lastEventId) || last;
      heardAt.value = Date.now() / 1000;
      channel?.postMessage({ kind: "changes", changes, last } satisfies Message);
      tell(changes);
    });
    source.addEventListener("lines", (event) => {
      const { run } = JSON.parse(event.data) as { run?: string };
      for (const each of run ? [run] : [...this.wanted.keys()]) {
        channel?.postMessage({ kind: "lines", run: each } satisfies Message);
        tellLines(each);
      }
    });
  }

  private lost(source: EventSource): void {
    if (source !== this.source) return;
    source.close();
    this.lostAt ||= Date.now();
    if (connection.value !== "offline") become(Date.now() - this.lostAt > OFFLINE_MS ? "offline" : "reconnecting");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), signedOut.value ? OFFLINE_MS : AGAIN_MS) as unknown as number;
  }

  want(run: string, by: number): void {
    const count = Math.max(0, (this.wanted.get(run) ?? 0) + by);
    const changes = !count || !this.wanted.has(run);
    if (count) this.wanted.set(run, count);
    else this.wanted.delete(run);
    if (changes && this.source) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.open(), 50) as unknown as number;
    }
  }
}

let stream: Stream | null = null;

function lead(): void {
  leads = true;
  stream = new Stream();
  for (const run of lineListeners.keys()) stream.want(run, 1);
  stream.open();
  channel?.postMessage({ kind: "who" } satisfies Message);
}

function hear(message: Message): void {
  if (message.kind === "changes") {
    last = message.last;
    heardAt.value = Date.now() / 1000;
    tell(message.changes);
  } else if (message.kind === "lines") tellLines(message.run);
  else if (message.kind === "state") {
    connection.value = message.state;
    heardAt.value = message.at;
  } else if (message.kind === "wanted") stream?.want(message.run, 1);
  else if (message.kind === "unwanted") stream?.want(message.run, -1);
  else if (leads) become(connection.value);
  else for (const run of lineListeners.keys()) channel?.postMessage({ kind: "wanted", run } satisfies Message);
}

/** Begin to listen; called once. Where a browser has no locks (plain HTTP from elsewhere), each tab has its own stream. */
export function start(): void {
  if (!channel || !navigator.locks) {
    lead();
    return;
  }
  channel.onmessage = (event) => hear(event.data as Message);
  channel.postMessage({ kind: "who" } satisfies Message);
  void navigator.locks.request("motet-live", () => {
    lead();
    return new Promise(() => {}); // held until this tab is closed
  });
}

/** Be told of what happens in all runs, in order; gives what ends it. */
export function onChanges(told: Told): () => void {
  listeners.add(told);
  return () => listeners.delete(told);
}

/** Be told that a run (its id) has written lines; which, its log tells. Gives what ends it. */
export function onLines(run: string, told: () => void): () => void {
  const there = lineListeners.get(run) ?? new Set();
  if (!there.size) {
    lineListeners.set(run, there);
    if (stream) stream.want(run, 1);
    else channel?.postMessage({ kind: "wanted", run } satisfies Message);
  }
  there.add(told);
  return () => {
    there.delete(told);
    if (there.size || lineListeners.get(run) !== there) return;
    lineListeners.delete(run);
    if (stream) stream.want(run, -1);
    else channel?.postMessage({ kind: "unwanted", run } satisfies Message);
  };
}
