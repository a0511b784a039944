// The page Events: what happens in all runs, newest first, as it does; what is selected stands beside it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { ApiError, at, get } from "../core/api";
import { onChanges } from "../core/live";
import { number, param, text } from "../core/router";
import type { Event, EventList, Run, RunList } from "../core/types";
import { clock, count, many, time } from "../core/words";
import { Button, Segments } from "../parts/controls";
import { Icon } from "../parts/icons";
import { Mark } from "../parts/marks";
import { Empty, Failed } from "../parts/state";
import { Table, type Column } from "../parts/table";
import { useKeys } from "../shell/keys";
import { EventPanel } from "./event";
import { PublishPanel } from "./publish";
import { has, isOwn, rates, statusOf, told } from "./told";
import "../style/events.css";
import "../style/form.css";

const query = param("q", text, "replace");
const selected = param("at", number);
const kind = param("kind", text);
const MOST = 20_000;
const MINUTES = 10;

interface Recent {
  events: Event[];
  next: number | null;
}

/** The newest events that fit, kept up to date; older ones when they are scrolled to. */
function useEvents(q: string, published: boolean) {
  const list = useSignal<Event[]>([]);
  const missed = useSignal(0);
  const paused = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  const state = useRef({ next: null as number | null, head: 0, asking: false, due: false });
  const failed = (why: unknown) => { error.value = why instanceof ApiError ? why : new ApiError(0, String(why), ""); };

  const older = async (first = false) => {
    const of = state.current;
    if (of.asking || (!first && of.next === null)) return;
    of.asking = true;
    try {
      const page = await get<Recent>("/events/recent", { text: q, published, limit: first ? 1000 : 500, before: first ? null : of.next });
      const fitting = page.events.filter((each) => !published || isOwn(each));
      list.value = first ? fitting : [...list.value, ...fitting];
      of.next = list.value.length > MOST ? null : page.next;
      of.head = Math.max(of.head, page.events[0]?.offset ?? 0);
      error.value = null;
    } catch (why) {
      failed(why);
    }
    of.asking = false;
    if (of.due) void newer();
  };

  const newer = async () => {
    const of = state.current;
    of.due = true;
    if (of.asking || paused.peek()) return;
    of.asking = true;
    of.due = false;
    try {
      const page = await get<EventList>("/events", { after: of.head, published, limit: 1000 });
      of.head = Math.max(of.head, page.next);
      of.due ||= page.events.length === 1000;
      const fresh = page.events.filter((each) => (!q || has(each, q)) && (!published || isOwn(each))).reverse();
      if (fresh.length) list.value = [...fresh, ...list.value].slice(0, MOST);
    } catch (why) {
      failed(why);
    }
    of.asking = false;
    if (of.due) setTimeout(() => void newer(), 100);
  };

  useEffect(() => {
    list.value = [];
    missed.value = 0;
    state.current = { next: null, head: 0, asking: false, due: false };
    void older(true);
    return onChanges((changes) => {
      const fresh = changes.filter((each) => each.offset > state.current.head && (!published || each.namespace !== undefined || each.sender !== undefined)).length;
      if (paused.peek()) missed.value += fresh;
      else if (state.current.head) void newer();
    });
  }, [q, published]);

  const pause = () => {
    paused.value = !paused.value;
    missed.value = 0;
    if (!paused.value) void newer();
  };
  return { list, missed, paused, error, older, newer, pause };
}

/** Names of runs by id: those of the newest at once, others when they are asked for. */
function useNames(): (run: string) => string {
  const names = useSignal<ReadonlyMap<string, string>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    void get<RunList>("/runs", { limit: 200 }).then((page) => { names.value = new Map([...names.value, ...page.runs.map((each) => [each.id, each.name] as const)]); }, () => {});
  }, []);
  return (run) => {
    const known = names.value.get(run);
    if (known || !run) return known ?? "";
    if (!asked.current.has(run) && asked.current.size < 200 && names.value.size) {
      asked.current.add(run);
      void get<Run>(at`/runs/${run}`).then((of) => { names.value = new Map([...names.value, [run, of.name]]); }, () => {});
    }
    return run;
  };
}

export function EventsPage() {
  const publishing = useSignal(false);
  const published = kind.value === "published";
  const events = useEvents(query.value, published);
  const nameOf = useNames();
  const list = events.list.value;
  const place = list.findIndex((each) => each.offset === selected.value);
  const move = (by: number) => {
    const to = list[Math.max(0, Math.min(list.length - 1, place < 0 ? 0 : place + by))];
    if (to) selected.value = to.offset;
  };
  useKeys("Events", [
    { keys: "j, ArrowDown", words: "next", act: () => move(1) },
    { keys: "k, ArrowUp", words: "previous", act: () => move(-1) },
    { keys: "Escape", words: "close", act: () => { selected.value = null; publishing.value = false; } },
  ]);
  const columns: Column<Event>[] = [
    { key: "time", head: "Time", width: "104px", cell: (of) => <span class="mono i2" title={time(of.at)}>{clock(of.at, 3)}</span> },
    { key: "kind", head: <span class="sr">Kind</span>, width: "30px", cell: (of) => (isOwn(of) ? <Icon name="event" label="published" /> : statusOf(of) ? <Mark status={statusOf(of)} /> : null) },
    { key: "name", head: "Name", width: "minmax(110px, 1fr)", cell: (of) => <span class={isOwn(of) ? "b" : ""}>{of.key}</span> },
    { key: "run", head: "Run", width: "minmax(90px, .8fr)", cell: (of) => <span class="i2">{of.run ? nameOf(of.run) : of.sender}</span> },
    { key: "value", head: "Value", width: "minmax(120px, 2fr)", cell: (of) => told(of) },
  ];
  const panel = publishing.value || selected.value !== null;
  return (
    <div class={`beside${panel ? " has-panel" : ""}`}>
      <div class="main">
        <div class="events-head">
          <h1>Events</h1>
          <Rate list={list} />
          <span class="grow" />
          <Segments label="Which events" options={[["", "All"], ["published", "Published"]]} value={kind.value} onChange={(to) => { kind.value = to; }} />
          <input type="search" aria-label="Filter events" placeholder="name, run, sender, value" value={query.value} onInput={(event) => { query.value = event.currentTarget.value; }} />
          <Button pressed={events.paused.value} onClick={events.pause}>{events.paused.value ? `Resume${events.missed.value ? `, ${count(events.missed.value)} new` : ""}` : "Pause"}</Button>
          <Button icon="plus" onClick={() => { publishing.value = true; }}>Publish…</Button>
        </div>
        <Bars list={list} />
        {events.error.value && <Failed what="Events could not be read:" error={events.error.value} again={() => void events.older(true)} />}
        <Table
          label="Events" columns={columns} count={list.length} row={(index) => list[index]} keyOf={(of) => String(of.offset)} height={26} at={place}
          onAt={(index) => { selected.value = list[index]?.offset ?? null; publishing.value = false; }}
          onWindow={(_, last) => { if (last > list.length - 50) void events.older(); }}
          empty={<Empty>{query.value ? `No event has “${query.value}” in it.` : "No events in this time."}</Empty>}
        />
      </div>
      {publishing.value ? (
        <PublishPanel close={() => { publishing.value = false; }} done={() => void events.newer()} />
      ) : selected.value !== null ? (
        <EventPanel offset={selected.value} nameOf={nameOf} close={() => { selected.value = null; }} />
      ) : null}
    </div>
  );
}

function Rate({ list }: { list: readonly Event[] }) {
  const now = Date.now() / 1000;
  const fresh = list.filter((each) => each.at > now - 60).length;
  return <span class="i2">{fresh > 120 ? `${(fresh / 60).toFixed(1)} a second` : many(fresh, "event") + " in the last minute"}</span>;
}

/** How many came in the last ten minutes, five seconds a bar. */
function Bars({ list }: { list: readonly Event[] }) {
  const now = Date.now() / 1000;
  const found = rates(list.map((each) => each.at), now - MINUTES * 60, now, 120);
  const most = Math.max(1, ...found);
  return (
    <svg class="rate" viewBox="0 0 960 44" preserveAspectRatio="none" role="img" aria-label={`Events of the last ten minutes: ${count(found.reduce((sum, each) => sum + each, 0))}`}>
      {found.map((each, index) => each > 0 && <rect key={index} x={index * 8} width={6} y={43 - (each / most) * 36} height={(each / most) * 36 + 1} />)}
    </svg>
  );
}
