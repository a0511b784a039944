// One step: what happened and what to do first, then attempts, failure and log; what it was given and gave, and why.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { fork, forkCommand, refused, resume, resumeCommand, type Outcome } from "../core/acts";
import { useAnswer } from "../core/answer";
import { at, get, post } from "../core/api";
import { go } from "../core/router";
import type { Change, Run } from "../core/types";
import { bytes, clock, duration } from "../core/words";
import { Button, Copy } from "../parts/controls";
import { Curves } from "../parts/curves";
import { LogView } from "../parts/log";
import { Mark } from "../parts/marks";
import { ArtifactView, Save, Value, type Shown } from "../parts/preview";
import { Failed as NotRead, Loading } from "../parts/state";
import { useKeys } from "../shell/keys";
import "../style/step.css";
import { Attempts, Failed } from "./attempts";
import { ForkForm, Question, Said } from "./forms";
import { attempt, consequence, isOver, nameOf, selected, stepAt, whereOf, wide, type StepTold } from "./view";
import { Around, Why } from "./why";

const ENDED = ["succeeded", "failed", "cancelled", "skipped"];

/** The sentence that comes first. */
function Sentence({ of }: { of: StepTold }) {
  const { step } = of;
  const error = of.attempts.filter((each) => each.error).at(-1)?.error ?? step.error;
  const took = step.duration_s === null ? "" : ` in ${duration(step.duration_s)}`;
  if (step.status === "failed" || (step.status === "retrying" && error)) {
    return <p><b class="t-failed">{error?.type}: {String(error?.message ?? "").split("\n")[0]}</b>{whereOf(of)}{consequence(of)}</p>;
  }
  if (of.waits) return <p><b class="t-waiting">{of.waits.for === "answer" ? "It asks you." : "It waits."}</b> {of.waits.for === "answer" ? "" : of.waits.words}</p>;
  if (step.cached && step.size === null) return <p class="i2">It did not run: {of.why.why[0]?.replace(/^It did not run: /, "")}</p>;
  if (!ENDED.includes(step.status) && of.why.story.at(-1)?.what.startsWith("asked to stop")) return <p class="i2">It was asked to stop, and ends when its code lets it.</p>;
  if (step.status === "succeeded") return <p class="i2">Succeeded{took}, {step.ended_at ? clock(step.ended_at) : ""}.</p>;
  return <p class="i2">{of.why.why[0]}</p>;
}

/** What may be done with it now: the likely act first. */
function Acts({ of, forking }: { of: StepTold; forking: { value: boolean } }) {
  const { run, step } = of;
  const own = useMemo(() => ({ said: signal<Outcome | null>(null), busy: signal("") }), [run.id, step.key, step.status, run.status]);
  const doing = async (words: string, not: string, act: () => Promise<unknown>) => {
    [own.busy.value, own.said.value] = [words, null];
    try {
      await act();
      own.said.value = { words, bad: false };
    } catch (error) {
      own.said.value = refused(not, error);
    }
    own.busy.value = "";
  };
  const ask = (what: string) => post(at`/runs/${run.id}/requests`, { ask: what, step: step.key });
  const anew = { anew: [step.key] };
  const over = isOver(run), crashed = run.status === "crashed", bad = step.status === "failed" || step.status === "cancelled";
  const again = () => {
    if (run.status === "succeeded") return doing("Forking", "Not run again", async () => { const made = await fork(run, anew); go(stepAt(step.key, made.name)); });
    return doing(bad ? "Retrying" : "Running again", "Not run again", () => resume(run, bad ? [] : [step.key]));
  };
  const busy = !!own.busy.value;
  const command = run.status === "succeeded" ? forkCommand(run, anew) : resumeCommand(run, bad ? [] : [step.key]);
  return (
    <div class="acts panel-acts">
      {crashed && <Button primary icon="play" disabled={busy} onClick={() => void doing("Resuming", "Not resumed", () => resume(run))}>Resume</Button>}
      {over && <Button icon="retry" disabled={busy} title={command} onClick={() => void again()}>{bad ? "Retry" : "Run again"}</Button>}
      {!over && !crashed && bad && <Button icon="retry" disabled={busy} onClick={() => void doing("Retrying", "Not retried", () => ask("step.retry"))}>Retry</Button>}
      {!over && !crashed && !ENDED.includes(step.status) && step.form !== "flow" && <Button icon="stop" disabled={busy} onClick={() => void doing("Stopping", "Not stopped", () => ask("step.stop"))}>Stop step</Button>}
      <Button icon="fork" primary={over && bad} pressed={forking.value} onClick={() => { forking.value = !forking.value; }}>Fork from here…</Button>
      <Copy text={over || crashed ? command : `motet show ${run.name} ${step.key}`} />
      <Said of={own.said.value} />
    </div>
  );
}

function Head({ of, model }: { of: StepTold; model: { forking: { value: boolean } } }) {
  const { step } = of;
  const to = (key: string, icon: "left" | "right", label: string) => <Button plain icon={icon} label={label} disabled={!key} onClick={() => { attempt.value = null; selected.value = key; }} />;
  const place = step.parent.split("/").filter(Boolean);
  return (
    <header class="step-head">
      <div class="row">
        <Mark status={of.waits ? "waiting" : step.cached && step.size === null ? "cached" : step.status} size={16} />
        <h2 class="step-name cut" title={step.key}>{nameOf(step.key)}</h2>
        <span class="i3 cut grow">{[of.run.name, ...place.slice(-2)].join(" / ")} {step.name}</span>
        {to(of.before, "left", "The one before ([)")}{to(of.after, "right", "The next (])")}
        <span class="opens"><Button plain icon={wide.value ? "fit" : "open"} label={wide.value ? "Beside its view" : "Open the step (Enter)"} onClick={() => { wide.value = !wide.value; }} /></span>
        <Button plain icon="close" label="Close (Escape)" onClick={() => { wide.value = false; selected.value = null; }} />
      </div>
      <Sentence of={of} />
      <Acts of={of} forking={model.forking} />
    </header>
  );
}

function Inputs({ of }: { of: StepTold }) {
  if (!of.inputs.length) return null;
  const marked = of.inputs.some((each) => each.others);
  return (
    <section>
      <h2>Inputs{marked && <span class="note-end">marked: unlike its siblings</span>}</h2>
      <dl class="values">
        {of.inputs.map((each) => (
          <div key={each.name}>
            <dt>{each.name}</dt>
            <dd><Value of={each} unlike={each.others} />{each.from && <div class="i2">from <a class="to" href={stepAt(each.from)}>{nameOf(each.from)}</a></div>}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

const isNothing = (of: Shown) => of.words === "None" && of.value === undefined;

function Outputs({ of }: { of: StepTold }) {
  const { step, result } = of;
  const done = step.status === "succeeded";
  const curves = of.artifacts.filter((each) => (each.points?.length ?? 0) > 1);
  const rest = of.artifacts.filter((each) => each.type !== "metric" || !curves.includes(each));
  return (
    <section>
      <h2>Outputs</h2>
      {step.size !== null ? <p class="i2">{step.done} of {step.size} elements have ended.</p>
        : done ? (isNothing(result) ? <p class="i2">It gave nothing.</p> : <div class="value"><Value of={result} />{result.artifact && <Save digest={result.artifact} name={nameOf(step.key)} />}</div>)
        : <p class="i2">{ENDED.includes(step.status) ? "No result." : "No result yet."}</p>}
      {curves.length > 0 && <Curves curves={curves.map((each) => ({ name: each.key, points: each.points ?? [] }))} height={130} />}
      {rest.map((each) => (
        <figure key={each.key}>
          <figcaption><b>{each.key}</b> <span class="i2">{each.type}{each.content?.size_bytes ? `, ${bytes(each.content.size_bytes)}` : ""} {each.description}</span>{each.content?.artifact && <Save digest={each.content.artifact} name={nameOf(each.key)} />}</figcaption>
          {each.type === "metric" ? <code>{each.points?.at(-1)?.[1]}</code> : <ArtifactView of={each} />}
        </figure>
      ))}
    </section>
  );
}

/** A step that goes on is asked for so often at most, and never for more than a tenth of the time: no event tells that a question is asked. */
const LOOK_MS = 3000;
/** Whether what happened is of the step, or of its map: what befalls others of a large run is not asked for anew. */
const concerns = (of: Change, step: string) => !of.step || of.step === step || step.startsWith(`${of.step}[`) || of.step.startsWith(`${step}/`);

/** The step beside a view of its run. `model` is the run's, and not needed. */
export function StepPanel({ run, step }: { run: Run; step: string; model?: unknown }) {
  const pace = useRef(LOOK_MS);
  const ask = async (signal: AbortSignal) => {
    const began = performance.now();
    const found = await get<StepTold>(at`/runs/${run.id}/step`, { step }, signal);
    pace.current = Math.max(LOOK_MS, 10 * (performance.now() - began));
    return found;
  };
  const told = useAnswer(ask, [run.id, step, run.status], (changes) => changes.some((each) => each.run === run.id && concerns(each, step)));
  const living = told.value !== undefined && !ENDED.includes(told.value.step.status);
  useEffect(() => {
    if (!living) return;
    const timer = setTimeout(told.again, pace.current);
    return () => clearTimeout(timer);
  }, [told.value, living]);
  const model = useMemo(() => ({ forking: signal(false) }), [run.id, step]);
  const of = told.value?.step.key.endsWith(step) ? told.value : undefined;
  useKeys("Step", [
    { keys: "Enter", words: "open the step", act: () => { wide.value = true; } },
    { keys: "[", words: "the one before", act: () => { if (of?.before) selected.value = of.before; } },
    { keys: "]", words: "the next", act: () => { if (of?.after) selected.value = of.after; } },
    { keys: "f", words: "fork from here", act: () => { model.forking.value = !model.forking.peek(); } },
    { keys: "w", words: "why", act: () => document.querySelector(".step .why")?.scrollIntoView({ block: "center" }) },
  ]);
  if (!of) return told.error ? <NotRead what="The step could not be read:" error={told.error} again={told.again} /> : <Loading words="Reading the step" />;
  const live = !ENDED.includes(of.step.status);
  const log = <LogView run={of.run} step={of.step.key} attempts={of.attempts.length} {...(attempt.value ? { attempt: attempt.value } : {})} />;
  const good = of.step.status === "succeeded";
  return (
    <div class={`step${wide.value ? " whole" : ""}`} key={of.step.key}>
      <Head of={of} model={model} />
      <div class="step-body">
        <div class="step-left">
          {of.waits && <Question of={of} waits={of.waits} key={of.waits.since} />}
          {model.forking.value && <ForkForm of={of} close={() => { model.forking.value = false; }} />}
          {good && <Outputs of={of} />}
          {live && log}
          <Attempts of={of} />
          <Failed of={of} />
          {!live && log}
        </div>
        <div class="step-right">
          <Inputs of={of} />
          {!good && <Outputs of={of} />}
          <Why of={of} />
          <Around of={of} />
        </div>
      </div>
    </div>
  );
}
