// Attempts side by side, and the failure at the user's own line.
import type { ComponentChildren } from "preact";
import type { Json } from "../core/types";
import { bytes, clock, duration, many } from "../core/words";
import { Code, languageOf } from "../parts/code";
import { Sparkline } from "../parts/curves";
import { Mark } from "../parts/marks";
import { attempt, culprit, fileOf, isOwn, type Failure, type Frame, type StepTold, type Tried } from "./view";

type Row = [string, (of: Tried) => ComponentChildren];
const number = (of: Json | undefined) => (typeof of === "number" ? of : null);

function rows(of: StepTold): Row[] {
  const where = of.policy.executor ?? "";
  const host = of.run.owner?.host ?? "";
  const metrics = of.artifacts.filter((each) => each.points?.length);
  return [
    ["began", (each) => (each.started_at ? clock(each.started_at) : "")],
    ["waited", (each) => (each.ready_at && each.started_at && each.started_at - each.ready_at > 0.01 ? duration(each.started_at - each.ready_at) : "")],
    ["ran", (each) => (each.started_at ? duration((each.ended_at ?? of.now) - each.started_at) : "")],
    ["where", () => [where, host].filter(Boolean).join(", ")],
    ["processor", (each) => (number(each.facts?.cpu_s) !== null ? duration(number(each.facts?.cpu_s)) : "")],
    ["memory", (each) => (number(each.facts?.memory_bytes) !== null ? bytes(number(each.facts?.memory_bytes)) : "")],
    ...metrics.slice(0, 4).map((metric): Row => [metric.key, (each) => (metric.attempt === each.number ? <Sparkline points={metric.points ?? []} failed={each.outcome === "failed"} /> : "")]),
  ];
}

/** Attempts as columns; what is equal in all of them is faint. */
export function Attempts({ of }: { of: StepTold }) {
  const tried = of.attempts.filter((each) => each.started_at || each.outcome);
  if (!tried.length) return null;
  const shown = rows(of).map(([name, cell]): [string, ComponentChildren[]] => [name, tried.map(cell)]).filter(([, cells]) => cells.some((each) => each !== ""));
  return (
    <section>
      <h2>{many(tried.length, "attempt")}</h2>
      <div class="scrolls" tabIndex={0} role="group" aria-label="Attempts">
        <table class="attempts">
          <thead>
            <tr><td />{tried.map((each, index) => (
              <th key={index} scope="col">
                <button type="button" class="row" aria-pressed={attempt.value === each.number} title="Its failure and log" onClick={() => { attempt.value = attempt.peek() === each.number ? null : each.number; }}>
                  <Mark status={each.outcome || of.step.status} />attempt {each.number}
                </button>
              </th>
            ))}</tr>
          </thead>
          <tbody>
            {shown.map(([name, cells]) => {
              const alike = cells.every((each) => typeof each === "string" && each === cells[0]);
              return <tr key={name}><th scope="row">{name}</th>{cells.map((each, index) => <td key={index} class={alike ? "i2" : ""}>{each}</td>)}</tr>;
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Lines({ frame }: { frame: Frame }) {
  const code = frame.code ?? [];
  const first = code[0]?.[0];
  return (
    <>
      <p class="frame" title={frame.file}><b>{fileOf(frame.file)}:{frame.line}</b> <span class="i2">in {frame.name}</span></p>
      {first !== undefined && <Code text={code.map(([, line]) => line).join("\n")} first={first} at={frame.line} language={languageOf(frame.file)} />}
    </>
  );
}

/** The frames, those of libraries that stand together folded into one line. */
function folded(frames: readonly Frame[]): (Frame | Frame[])[] {
  const found: (Frame | Frame[])[] = [];
  for (const each of frames) {
    const last = found.at(-1);
    if (isOwn(each)) found.push(each);
    else if (Array.isArray(last)) last.push(each);
    else found.push([each]);
  }
  return found;
}

const library = (frames: readonly Frame[]) => frames[0]?.file.match(/-packages\/([^/]+)/)?.[1] ?? frames[0]?.file.split("/").at(-2) ?? "libraries";

/** Where it failed: the reader's own frames with their code, the message, and the whole traceback behind it. */
export function Trace({ of, note }: { of: Failure; note?: string }) {
  const last = culprit(of);
  return (
    <section>
      <h2>Where it failed{note && <span class="note-end">{note}</span>}</h2>
      <div class="trace">
        {folded(of.frames ?? []).map((each, index) => (Array.isArray(each) ? (
          <details key={index}><summary>{many(each.length, "frame")} in {library(each)}</summary>{each.map((frame, place) => <p key={place} class="i2 mono">{frame.file}:{frame.line} in {frame.name}</p>)}</details>
        ) : each === last || each.code ? <Lines key={index} frame={each} /> : <p key={index} class="frame">{fileOf(each.file)}:{each.line} <span class="i2">in {each.name}</span></p>))}
        <pre class="message t-failed">{of.type}: {of.message}</pre>
        {of.traceback && <details open={!of.frames}><summary>Whole traceback</summary><pre>{of.traceback}</pre></details>}
      </div>
    </section>
  );
}

/** The failure of the last attempt, or of the one that is chosen. */
export function Failed({ of }: { of: StepTold }) {
  const failed = of.attempts.filter((each) => each.error);
  const chosen = failed.find((each) => each.number === attempt.value) ?? failed.at(-1);
  const error = chosen?.error ?? (of.step.error as Failure | null);
  if (!error) return null;
  const alike = failed.every((each) => each.error?.message === error.message);
  return <Trace of={error} note={failed.length > 1 ? `attempt ${chosen?.number}${alike ? ", same in all" : ""}` : ""} />;
}
