// What may be done with a step, each in the panel: fork from here with other inputs (its plan first), and answer it.
import { useMemo } from "preact/hooks";
import { signal } from "@preact/signals";
import { answer, answerCommand, fork, forkCommand, refused, type ForkOf, type Outcome } from "../core/acts";
import { useAnswer } from "../core/answer";
import { at, post } from "../core/api";
import { go } from "../core/router";
import type { Json, Run } from "../core/types";
import { count, duration, time } from "../core/words";
import { Button, Copy } from "../parts/controls";
import { SchemaForm, useForm } from "../parts/form";
import { changed, check, isObject, type Schema } from "../parts/schema";
import { nameOf, schemaOf, type StepTold, type Waits } from "./view";

/** What a fork would do: `POST /runs/{run}/fork/plan`. */
interface Plan { reused: number; anew: number; to_come: number; steps: string[]; about_s: number; surely: boolean }

/** A word of what became of an act, beside its button. */
export function Said({ of }: { of: Outcome | null }) {
  return of && <span role="status" class={of.bad ? "t-failed" : "i2"}>{of.words}</span>;
}

/** The plan as a bar and a sentence. */
function PlanView({ of }: { of: Plan }) {
  const whole = of.reused + of.anew + of.to_come || 1;
  let x = 0;
  const part = (n: number, fill: string) => {
    const from = x;
    x += (n / whole) * 100;
    return n > 0 && <rect x={`${from}%`} width={`${Math.max(1, x - from)}%`} height={8} fill={fill} />;
  };
  const some = of.steps.length ? ` (${of.steps.slice(0, 4).map(nameOf).join(", ")}${of.anew > 4 ? ", …" : ""})` : "";
  return (
    <div class="plan">
      <svg width="100%" height={8} aria-hidden>{part(of.reused, "var(--cached-f)")}{part(of.anew, "var(--running-f)")}{part(of.to_come, "var(--line2)")}</svg>
      <p role="status">
        <b>{of.surely ? "" : "About "}{count(of.reused)} {of.reused === 1 ? "step" : "steps"} reused, {count(of.anew)} run anew</b>{some}, {count(of.to_come)} still to come.
        {of.about_s >= 1 && ` About ${duration(of.about_s)}, as last time.`}{!of.surely && " Which steps the change reaches is known when they are called."}
      </p>
    </div>
  );
}

/** Fork from the step: edited inputs, the plan, and the act. */
export function ForkForm({ of, close }: { of: StepTold; close: () => void }) {
  const { run, step } = of;
  const given = (isObject(run.params) ? run.params : {}) as Record<string, Json>;
  const schema = useMemo(() => schemaOf(given) as Schema, [run.id]);
  const { value, problems } = useForm(schema, given);
  const own = useMemo(() => ({ said: signal<Outcome | null>(null), busy: signal(false), here: signal(true) }), [run.id, step.key]);
  const edited = changed(value.value, given);
  const what: ForkOf = {
    ...(own.here.value ? { anew: [step.key] } : {}), ...(Object.keys(edited).length ? { params: edited } : {}),
  };
  const plan = useAnswer(() => post<Plan>(at`/runs/${run.id}/fork/plan`, what), [run.id, what]);
  const act = async () => {
    problems.value = check(schema, value.peek());
    if (problems.peek().size) return;
    own.busy.value = true;
    try {
      const made: Run = await fork(run, what);
      go(`/runs/${encodeURIComponent(made.name)}/radar`);
    } catch (error) {
      own.said.value = refused("Not forked", error);
    }
    own.busy.value = false;
  };
  return (
    <section class="fork" aria-label="Fork from here">
      <h2>Fork from here <span class="note-end">a new run; this one stays as it is</span></h2>
      <SchemaForm schema={schema} value={value} problems={problems} id="fork" was={given} />
      <label class="row"><input type="checkbox" checked={own.here.value} onChange={(event) => { own.here.value = event.currentTarget.checked; }} />{nameOf(step.key)} runs anew even if nothing changes</label>
      {plan.value ? <PlanView of={plan.value} /> : plan.error && <p class="t-failed">{plan.error.what}</p>}
      <div class="acts panel-acts">
        <Button primary icon="fork" disabled={own.busy.value} onClick={() => void act()}>{own.busy.value ? "Forking" : "Fork"}</Button>
        <Button onClick={close}>Cancel</Button>
        <Copy text={forkCommand(run, what)} />
        <Said of={own.said.value} />
      </div>
    </section>
  );
}

/** The question that a step has asked, and its answer; or the event or rule that it waits for. */
export function Question({ of, waits }: { of: StepTold; waits: Waits }) {
  const schema = (waits.schema ?? {}) as Schema;
  const { value, problems } = useForm(schema);
  const own = useMemo(() => ({ said: signal<Outcome | null>(null), busy: signal(false) }), [of.step.key, waits.since]);
  if (waits.for !== "answer") {
    return <section><h2>It waits</h2><p>For {waits.words}, since {time(waits.since)}.</p>{waits.event && <Copy text={`motet publish ${waits.event}`} />}</section>;
  }
  const act = async () => {
    problems.value = check(schema, value.peek());
    if (problems.peek().size) return;
    own.busy.value = true;
    try {
      await answer(of.run.id, value.peek(), of.step.key);
      own.said.value = { words: "Answered.", bad: false };
    } catch (error) {
      own.said.value = refused("Not answered", error);
    }
    own.busy.value = false;
  };
  return (
    <section class="question" onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void act(); }}>
      <h2>It asks you <span class="note-end">since {time(waits.since)}, {duration(of.now - waits.since)}</span></h2>
      <p class="asked">{waits.description || waits.words}</p>
      {waits.refused && <p class="t-failed">The last answer did not fit: {waits.refused.error}</p>}
      {waits.schema && <SchemaForm schema={schema} value={value} problems={problems} id="answer" />}
      <div class="acts panel-acts">
        <Button primary disabled={own.busy.value} title="Ctrl-Enter" onClick={() => void act()}>{waits.schema ? "Answer" : "Go on"}</Button>
        <Copy text={answerCommand(of.run.name, value.value)} />
        <Said of={own.said.value} />
      </div>
    </section>
  );
}
