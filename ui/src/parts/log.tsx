// The log of a run or of a step: a window of it, however long it is, read by place; searched and filtered by the server.
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { apiPath, ApiError, at, get, type Query } from "../core/api";
import { onLines } from "../core/live";
import { anchor, number, param } from "../core/router";
import type { LogLine as Line, Run } from "../core/types";
import { bytes, clock, count } from "../core/words";
import { useKeys } from "../shell/keys";
import { Button, Menu, Segments } from "./controls";
import { Icon } from "./icons";
import { hits, parts } from "./sgr";
import { Failed } from "./state";
import "../style/step.css";

interface LogLine extends Line {
  position: number;
  cut_chars?: number;
  hit?: boolean;
  left_out?: number;
}
interface Page { lines: LogLine[]; position: number; more: boolean }

// The window of time that all views of the run are narrowed to, in seconds since its creation.
const from = param<number | null>("from", number);
const to = param<number | null>("to", number);

const CHARS = 4000;
const PAGE = 400;
const MOST = 2400;
const AROUND = 10;
const HITS = 50;

/** What is read of the log: some lines that stand together, where they begin and end, and what lies beyond. */
class Log {
  readonly lines = signal<LogLine[]>([]);
  readonly error = signal<ApiError | null>(null);
  /** whether the end is in view: then what comes is shown as it comes */
  readonly follows = signal(true);
  readonly behind = signal(0);
  readonly found = signal<{ hits: number; more: boolean } | null>(null);
  readonly at = signal(-1);
  private first = 0;
  private end = 0;
  private before = false;
  private after = false;
  private turn: Promise<void> = Promise.resolve();
  private waiting = 0;
  private over = false;

  constructor(readonly run: Run, readonly of: Query) {}

  private ask(query: Query): Promise<Page> {
    return get<Page>(at`/runs/${this.run.id}/logs`, { ...this.of, chars: CHARS, limit: PAGE, ...query });
  }

  /** One question after the other: what only fills the window is left out while another goes on. */
  private alone(act: () => Promise<void>, always = false): Promise<void> {
    if ((this.waiting && !always) || this.over) return this.turn;
    this.waiting += 1;
    this.turn = this.turn.then(act).then(() => { this.error.value = null; }, (error: unknown) => {
      this.error.value = error instanceof ApiError ? error : new ApiError(0, String(error), "");
    }).finally(() => { this.waiting -= 1; });
    return this.turn;
  }

  close(): void { this.over = true; }

  /** The end of the log, or the line of that place; or what is looked for with the lines around it. */
  open = (place = -1) => this.alone(async () => {
    if (place >= 0) await this.show(place);
    else if (this.of.search) {
      const page = await this.ask({ around: AROUND, limit: HITS });
      this.take(page.lines, 0, page.position, false, page.more);
      this.found.value = { hits: page.lines.filter((each) => each.hit).length, more: page.more };
      this.at.value = page.lines.findIndex((each) => each.hit);
      this.follows.value = false;
    } else {
      const page = await this.ask({ from_end: true });
      const last = page.lines.at(-1);
      const next = last ? await this.ask({ position: last.position }) : { lines: [], position: 0, more: false };
      this.take([...page.lines.slice(0, -1), ...next.lines], page.position, next.position, page.more, next.more);
    }
  }, true);

  /** The line of that place, with those around it: 0 is the beginning. */
  to = (place: number) => this.alone(() => this.show(place), true);

  private take(lines: LogLine[], first: number, end: number, before: boolean, after: boolean): void {
    [this.first, this.end, this.before, this.after] = [first, end, before, after];
    this.lines.value = lines;
  }

  /** Lines before those that there are; gives how many. */
  async earlier(): Promise<void> {
    if (this.before && !this.of.search) await this.alone(async () => {
      const page = await this.ask({ from_end: true, position: this.first });
      [this.first, this.before] = [page.position, page.more];
      const all = [...page.lines, ...this.lines.peek()];
      const dropped = all[MOST];
      if (dropped) [this.end, this.after] = [dropped.position, true];
      this.lines.value = all.slice(0, MOST);
    });
  }

  /** Lines after those that there are. */
  async later(): Promise<void> {
    if (this.after) await this.alone(async () => {
      if (this.of.search) {
        const page = await this.ask({ around: AROUND, limit: HITS, position: this.end });
        const last = this.lines.peek().at(-1)?.position ?? -1;
        this.take([...this.lines.peek(), ...page.lines.filter((each) => each.position > last)], 0, page.position, false, page.more);
        const known = this.lines.value.filter((each) => each.hit).length;
        this.found.value = { hits: known, more: page.more };
      } else await this.read();
    });
  }

  private async read(): Promise<void> {
    const page = await this.ask({ position: this.end });
    const all = [...this.lines.peek(), ...page.lines];
    const cut = Math.max(0, all.length - MOST);
    const kept = all.slice(cut);
    if (cut) [this.first, this.before] = [kept[0]?.position ?? 0, true];
    [this.end, this.after] = [page.position, page.more];
    if (page.lines.length) this.lines.value = kept;
  }

  /** Lines were written: show them while the end is in view, else say how many there are. */
  written = async (): Promise<void> => {
    if (this.of.search) return;
    if (this.follows.peek()) await this.alone(() => this.read());
    else if (!this.after) {
      const page = await this.ask({ position: this.end, limit: 1000 }).catch(() => null);
      if (page) this.behind.value = page.lines.length;
    }
  };

  /** To the next line that is a hit, or tells of an error; back with `by` -1. */
  async jump(kind: "hit" | "error", by: number): Promise<void> {
    const lines = this.lines.peek();
    if (kind === "hit") {
      const next = (from: number) => {
        for (let index = from + by; index >= 0 && index < this.lines.peek().length; index += by) if (this.lines.peek()[index]?.hit) return index;
        return -1;
      };
      let found = next(this.at.peek());
      if (found < 0 && by > 0) {
        await this.later();
        found = next(this.at.peek());
      }
      if (found >= 0) this.at.value = found;
      return;
    }
    const here = lines[this.at.peek()];
    await this.alone(async () => {
      const from = here ? here.position : by > 0 ? 0 : this.end;
      const page = await this.ask({ search: "", errors: true, limit: by > 0 ? 2 : 1, from_end: by < 0, position: from });
      const found = page.lines.find((each) => each.position !== here?.position);
      if (found) await this.show(found.position);
    }, true);
  }

  private async show(position: number): Promise<void> {
    this.follows.value = false;
    let index = this.lines.peek().findIndex((each) => each.position === position);
    if (index < 0) {
      const [before, after] = await Promise.all([
        this.ask({ search: "", from_end: true, position, limit: 100 }), this.ask({ search: "", position, limit: 200 }),
      ]);
      this.take([...before.lines, ...after.lines], before.position, after.position, before.more, after.more);
      index = before.lines.length;
    }
    this.at.value = index;
  }

  /** Fifty of the lines that are folded before the line of that place. */
  async unfold(index: number): Promise<void> {
    const lines = this.lines.peek();
    const [line, before] = [lines[index], lines[index - 1]];
    if (line && before) await this.alone(async () => {
      const page = await this.ask({ search: "", position: before.position, limit: 51 });
      const more = page.lines.slice(1).filter((each) => each.position < line.position);
      const left = line.left_out && line.left_out > 0 ? line.left_out - more.length : more.length < 50 ? 0 : -1;
      this.lines.value = [...lines.slice(0, index), ...more, { ...line, left_out: left }, ...lines.slice(index + 1)];
      if (this.at.peek() >= index) this.at.value += more.length;
    }, true);
  }
}

function Text({ line, wanted }: { line: LogLine; wanted: string }) {
  return (
    <>
      {parts(line.text).map((each, index) => (
        <span key={index} class={`${each.colour && `t-${each.colour}`}${each.bold ? " b" : ""}`}>
          {hits(each.text, wanted).map(([text, hit]) => (hit ? <mark>{text}</mark> : text))}
        </span>
      ))}
      {line.cut_chars ? <span class="i3"> and {bytes(line.cut_chars)} more</span> : null}
    </>
  );
}

const STREAMS = [["", "all lines"], ["stdout", "stdout"], ["stderr", "stderr"], ["errors", "errors"]] as const;
const BAD = /^(Traceback \(most|(\w+\.)*\w*(Error|Exception)\b|ERROR|CRITICAL|Attempt \d+ failed)/;
const looks = ({ text }: LogLine) => (/^(WARNING|\w*Warning)\b/.test(text) ? "t-retrying" : BAD.test(text) ? "t-failed bad" : "");

/** The log view. With `step`, that step's; with `attempts`, a choice of these. */
export function LogView({ run, step, attempt, attempts = 0 }: { run: Run; step?: string; attempt?: number; attempts?: number }) {
  const own = useMemo(() => ({
    search: signal(""), stream: signal(""), attempt: signal(attempt ?? 0), key: signal(""), wrap: signal(true),
  }), [run.id, step, attempt]);
  const { search, stream, wrap } = own;
  const query: Query = {
    step: step ?? (own.key.value || null), attempt: own.attempt.value || null, search: search.value || null, since: from.value === null ? null : run.created_at + from.value, until: to.value === null ? null : run.created_at + to.value,
    ...(stream.value === "errors" ? { errors: true } : { stream: stream.value || null }),
  };
  const log = useMemo(() => new Log(run, query), [run.id, JSON.stringify(query)]);
  const port = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    void log.open(/^L\d+$/.test(anchor.peek()) && !search.peek() ? Number(anchor.peek().slice(1)) : -1);
    const off = onLines(run.id, () => void log.written());
    return () => { off(); log.close(); };
  }, [log]);
  useEffect(() => { void log.written(); }, [run.status]); // what an ended run wrote last
  const lines = log.lines.value;
  const held = useRef<{ key: number; top: number } | null>(null);
  useLayoutEffect(() => {
    const element = port.current;
    if (!element) return;
    if (log.follows.peek()) element.scrollTop = element.scrollHeight;
    else if (held.current) {
      const line = element.querySelector<HTMLElement>(`[data-at="${held.current.key}"]`);
      if (line) element.scrollTop = line.offsetTop - held.current.top;
    }
  }, [lines]);
  useEffect(() => {
    port.current?.querySelector(".here")?.scrollIntoView({ block: "center" });
  }, [log.at.value, lines.length > 0]);
  const scrolled = () => {
    const element = port.current;
    if (!element) return;
    const rest = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (!search.peek()) log.follows.value = rest < 24;
    if (log.follows.peek()) log.behind.value = 0;
    const seen = [...element.querySelectorAll<HTMLElement>("[data-at]")].find((each) => each.offsetTop >= element.scrollTop);
    held.current = seen ? { key: Number(seen.dataset.at), top: seen.offsetTop - element.scrollTop } : null;
    if (element.scrollTop < 400) void log.earlier();
    if (rest < 400) void log.later();
  };
  useKeys("Log", [
    { keys: "n, F3", words: "next hit", act: () => void log.jump("hit", 1) },
    { keys: "Shift+n, Shift+F3", words: "hit before", act: () => void log.jump("hit", -1) },
    { keys: "e", words: "next error", act: () => void log.jump("error", 1) },
    { keys: "Shift+e", words: "error before", act: () => void log.jump("error", -1) },
  ]);
  const found = log.found.value;
  const place = lines.slice(0, log.at.value + 1).filter((each) => each.hit).length;
  const mixed = new Set(lines.map((each) => each.key)).size > 1;
  const short = (key: string) => (key === step ? "" : key.split("/").pop());
  const shownText = () => {
    const url = URL.createObjectURL(new Blob([lines.map((each) => `${each.text}\n`).join("")], { type: "text/plain" }));
    const link = Object.assign(document.createElement("a"), { href: url, download: `${run.name}-shown.log` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  const whole = apiPath(at`/runs/${run.id}/logs/text`, { ...query, errors: null });
  return (
    <section class="log" aria-label={step ? `Log of ${step}` : `Log of ${run.name}`}>
      <div class="log-bar">
        <h2>Log</h2>
        {attempts > 1 && (
          <Segments label="Attempt" value={String(own.attempt.value)} onChange={(to) => { own.attempt.value = Number(to); }}
            options={[["0", "all"], ...Array.from({ length: Math.min(attempts, 6) }, (_, index): [string, string] => [String(index + 1), String(index + 1)])]} />
        )}
        <input ref={box} type="search" placeholder="Find in the whole log" aria-label="Find in the log" value={search.value}
          onKeyDown={(event) => {
            if (event.key === "Enter") {
              const to = event.currentTarget.value;
              if (to !== search.peek()) search.value = to;
              else void log.jump("hit", event.shiftKey ? -1 : 1);
            }
          }}
          onInput={(event) => { if (!event.currentTarget.value) search.value = ""; }} />
        {found && <span class="i2" role="status">{found.hits ? `${place} of ${count(found.hits)}${found.more ? " or more" : ""}` : "nowhere"}</span>}
        <select aria-label="Which lines" value={stream.value} onChange={(event) => { stream.value = event.currentTarget.value; }}>
          {STREAMS.map(([each, words]) => <option value={each}>{words}</option>)}
        </select>
        {own.key.value && <Button plain icon="close" onClick={() => { own.key.value = ""; }}>{short(own.key.value)}</Button>}
        <Button icon="down" title="The next line that tells of an error (e)" onClick={() => void log.jump("error", 1)}>Error</Button>
        {!search.value && <Button plain pressed={log.follows.value} onClick={() => {
          log.follows.value = !log.follows.peek();
          if (log.follows.peek()) void log.open();
        }}>{log.behind.value ? `${count(log.behind.value)} new lines` : "Follow"}</Button>}
        <Menu label="More of the log">
          <Button plain onClick={() => void log.to(0)}>To the beginning</Button>
          <Button plain pressed={wrap.value} onClick={() => { wrap.value = !wrap.value; }}>Wrap lines</Button>
          <Button plain icon="save" onClick={shownText}>Keep what is shown</Button>
          <a class="button plain" href={whole} download={`${run.name}.log`}><Icon name="save" />Keep all</a>
        </Menu>
      </div>
      {log.error.value && <Failed what="The log could not be read:" error={log.error.value} again={() => void log.open()} />}
      <div ref={port} class={`log-lines${wrap.value ? " wraps" : ""}`} role="log" aria-live={log.follows.value ? "polite" : "off"} tabIndex={0} onScroll={scrolled}>
        {!lines.length && !log.error.value && <p class="i3">{search.value ? "No line holds that." : "Nothing was logged."}</p>}
        {lines.map((each, index) => (
          <div key={each.position}>
            {each.left_out ? (
              <button type="button" class="fold" onClick={() => void log.unfold(index)}>… {each.left_out < 0 ? "many" : count(each.left_out)} lines …</button>
            ) : null}
            <div class={`line ${looks(each)}${index === log.at.value ? " here" : ""}`} data-at={each.position}>
              <a href={`#L${each.position}`} title={new Date(each.at * 1000).toISOString()}>{clock(each.at, 3)}</a>
              {mixed && <button type="button" class="of" title={each.key} onClick={() => { if (!step) own.key.value = each.key; }}>{short(each.key)}</button>}
              <span class={each.stream === "stderr" ? "text err" : "text"}><Text line={each} wanted={search.value} /></span>
            </div>
          </div>
        ))}
      </div>
    </section>
  );
}
