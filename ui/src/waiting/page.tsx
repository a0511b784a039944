// The page Waiting: all questions of all runs, longest first, answered here; then the rules and steps that wait for events.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { answer, answerCommand, refused, type Outcome } from "../core/acts";
import { ApiError, at, get } from "../core/api";
import { useAnswer } from "../core/answer";
import { go } from "../core/router";
import { useWaiting, type Wait } from "../core/waiting";
import type { Event, EventList, Json, StepList } from "../core/types";
import { clock, duration, inline, many } from "../core/words";
import { Button, Copy } from "../parts/controls";
import { SchemaForm, useForm } from "../parts/form";
import { Mark } from "../parts/marks";
import { check, isObject, type Schema } from "../parts/schema";
import { Empty, Failed, Loading } from "../parts/state";
import { announce } from "../shell/announce";
import "../style/events.css";

const idOf = (of: Wait) => `${of.run}.${of.step}`;

/** Questions first, those that wait longest before others; then what waits for events. */
export function ordered(waits: readonly Wait[]): Wait[] {
  const rank = (of: Wait) => (of.for === "answer" ? 0 : 1);
  return [...waits].sort((a, b) => rank(a) - rank(b) || (a.since ?? Infinity) - (b.since ?? Infinity));
}

export function WaitingPage({ id }: { id?: string }) {
  const told = useWaiting();
  const done = useSignal<readonly { wait: Wait; words: string }[]>([]);
  const waits = ordered(told.value?.waits ?? []);
  const questions = waits.filter((each) => each.for === "answer");
  const rules = waits.length - questions.length;
  const open = id ?? (questions[0] ? idOf(questions[0]) : "");
  const gone = done.value.filter((each) => !waits.some((of) => idOf(of) === idOf(each.wait)));

  const answered = (wait: Wait, words: string) => {
    announce(words);
    done.value = [...done.value.filter((each) => idOf(each.wait) !== idOf(wait)), { wait, words }];
    told.again();
    setTimeout(() => { done.value = done.value.filter((each) => each.wait !== wait); }, 8000);
  };
  return (
    <div class="sheet">
      <div class="page-head">
        <h1>Waiting</h1>
        <span class="i2">{told.value && `${many(questions.length, "question")}, ${many(rules, "rule")}, of all runs`}</span>
      </div>
      {told.error && <Failed what="What waits could not be read:" error={told.error} again={told.again} />}
      {told.loading && <Loading />}
      {gone.map(({ wait, words }) => (
        <article class="question" key={`done ${idOf(wait)}`}>
          <Mark status="succeeded" quiet /><b>{wait.description || titleOf(wait)}</b><span />
          <p class="body i2">{words}</p>
        </article>
      ))}
      {questions.map((each) => <Question key={idOf(each)} wait={each} open={idOf(each) === open} answered={(words) => answered(each, words)} />)}
      {waits.slice(questions.length).map((each) => <Listens key={`${idOf(each)} ${each.words}`} wait={each} />)}
      {told.value && !waits.length && !gone.length && <Empty>Nothing waits for you.</Empty>}
    </div>
  );
}

const titleOf = (of: Wait) => (of.schema ? of.words : `${of.step} waits for a word to go on`);

/** How long it has waited, by the second. */
function Age({ since }: { since: number | null }) {
  const now = useSignal(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => { now.value = Date.now() / 1000; }, 1000);
    return () => clearInterval(timer);
  }, []);
  return <span class="i2">{since === null ? "" : duration(now.value - since)}</span>;
}

function Place({ wait }: { wait: Wait }) {
  return <><a class="link" href={`/runs/${wait.run}?step=${encodeURIComponent(wait.step)}`}>{wait.step}</a> of <a class="link" href={`/runs/${wait.run}`}>{wait.name}</a></>;
}

function Question({ wait, open, answered }: { wait: Wait; open: boolean; answered: (words: string) => void }) {
  return (
    <article class={`question${open ? " open" : ""}`} aria-label={wait.description || titleOf(wait)}>
      <Mark status="waiting" quiet />
      <button type="button" class="title" aria-expanded={open} onClick={() => go(open ? "/waiting" : `/waiting/${encodeURIComponent(idOf(wait))}`)}>
        {wait.description || titleOf(wait)}
      </button>
      <Age since={wait.since} />
      <div class="body">
        <p class="i2">
          <Place wait={wait} />
          {wait.suspended ? ". Its process has ended; it goes on when it is answered." : open ? "" : wait.schema ? `. ${wait.words.split(":")[0]}` : ""}
          {open && <HeldUp wait={wait} />}
        </p>
        {wait.refused && <p class="t-failed">An answer was refused: {wait.refused.error}</p>}
        {open && <AnswerForm wait={wait} answered={answered} />}
      </div>
    </article>
  );
}

/** What cannot go on before it is answered, as far as the run's steps say. */
function HeldUp({ wait }: { wait: Wait }) {
  const steps = useAnswer((signal) => get<StepList>(at`/runs/${wait.run}/steps`, { limit: 1000 }, signal), [wait.run]);
  const there = steps.value?.steps ?? [];
  const held = new Set([wait.step]);
  for (const each of there) if (each.needs.some((need) => held.has(need))) held.add(each.key);
  held.delete(wait.step);
  const names = [...new Set([...held].map((key) => there.find((each) => each.key === key)?.task ?? key))];
  if (!names.length) return <>.</>;
  return <>. Holds up {names.slice(0, 3).join(", ")}{names.length > 3 && ` and ${names.length - 3} more`}.</>;
}

function AnswerForm({ wait, answered }: { wait: Wait; answered: (words: string) => void }) {
  const schema = (wait.schema ?? { properties: {} }) as Schema;
  const { value, problems } = useForm(schema);
  const went = useSignal<Outcome | null>(null);
  const busy = useSignal(false);
  const send = async () => {
    problems.value = check(schema, value.value);
    if (problems.value.size || busy.value) return;
    busy.value = true;
    try {
      await answer(wait.run, value.value, wait.step);
      answered(`Answered. ${wait.name} goes on.`);
    } catch (error) {
      const other = await answeredBefore(wait, error);
      if (other) answered(other);
      else went.value = refused("Not answered", error);
    }
    busy.value = false;
  };
  return (
    <form
      onSubmit={(event) => { event.preventDefault(); void send(); }}
      onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void send(); } }}
    >
      {wait.schema ? <SchemaForm schema={schema} value={value} problems={problems} id={`answer-${idOf(wait)}`} /> : null}
      <div class="acts answer">
        <Button primary disabled={busy.value} onClick={() => void send()}>{wait.schema ? "Answer" : "Let it go on"}</Button>
        <Copy text={answerCommand(wait.name, value.value, wait.step)} />
        <span class="grow" /><kbd class="hint">Ctrl Enter</kbd>
      </div>
      {went.value && <p class="t-failed" role="alert">{went.value.words}</p>}
    </form>
  );
}

/** Who was first, if somebody else was: in words. */
async function answeredBefore(wait: Wait, error: unknown): Promise<string> {
  if (!(error instanceof ApiError) || (error.status !== 400 && error.status !== 409)) return "";
  try {
    const now = await get<{ waits: Wait[] }>("/waiting");
    if (now.waits.some((each) => idOf(each) === idOf(wait))) return "";
    const page = await get<EventList>("/events", { run: wait.run, key: "run.answer", namespace: "motet", limit: 1000 });
    const last = page.events.filter((each: Event) => isObject(each.value) && each.value.step === wait.step).at(-1);
    if (!last) return "";
    const given: Json = isObject(last.value) ? (last.value.values ?? null) : null;
    const told = isObject(given) ? Object.entries(given).map(([name, each]) => `${name} ${inline(each, 60)}`).join(", ") : "";
    return `Answered by ${last.sender || "somebody"} at ${clock(last.at)}${told && `: ${told}`}.`;
  } catch {
    return "";
  }
}

function Listens({ wait }: { wait: Wait }) {
  return (
    <article class="question">
      <Mark status="waiting" quiet />
      <b>{wait.step} waits for {wait.words}</b>
      <Age since={wait.since} />
      <p class="body i2">
        <span>{wait.for === "rule" ? "Rule of " : ""}<Place wait={wait} />. {wait.event && <a class="link" href={`/events?q=${encodeURIComponent(wait.event)}`}>Events of that name</a>}</span>
      </p>
    </article>
  );
}
