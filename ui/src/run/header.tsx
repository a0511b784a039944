// The head of a run's page: what happened in a sentence, its acts, and its steps by status, which filter all views.
import { useSignal } from "@preact/signals";
import * as acts from "../core/acts";
import { tallied, statusWords, type Status } from "../core/status";
import type { Json, Run } from "../core/types";
import { clock, count, duration, iso, time } from "../core/words";
import { go } from "../core/router";
import { Button, Copy, Voice } from "../parts/controls";
import { Mark } from "../parts/marks";
import { useKeys } from "../shell/keys";
import { isOver, type RunModel } from "./model";
import { elementCounts, type Picture } from "./picture";
import { nameOf } from "./rows";
import * as state from "./state";

/** The first step that failed by itself, not by what it carries. */
function firstFailed(of: Picture): number {
  let found = -1;
  for (const [at] of of.cause) {
    if (of.status[at] !== 7 || of.flags[at]! & 8 || (of.flags[at]! & 4 && of.parent[at + 1] === at)) continue;
    if (found < 0 || of.ended[at]! < of.ended[found]!) found = at;
  }
  return found;
}

/** What happened, why, and what is to be done, in words. */
export function sentence(run: Run, of: Picture): string {
  const took = duration((run.ended_at ?? run.created_at + of.until) - (run.started_at ?? run.created_at));
  const by = (run.program.begun as { user?: string } | undefined)?.user;
  const began = `started ${time(run.started_at ?? run.created_at)}${by ? ` by ${by}` : ""}`;
  const resumed = of.driven.length - 1;
  const again = resumed > 0 ? ` · resumed ${resumed === 1 ? "once" : `${resumed} times`}` : "";
  const ended = run.ended_at ? ` · ended ${time(run.ended_at)}` : "";
  if (run.status === "failed") {
    const at = firstFailed(of);
    const why = at >= 0 ? `${of.cause.get(at)} in ${nameOf(of, at)}${of.attempts[at]! > 1 ? `, ${of.attempts[at]} attempts` : ""}` : (run.error?.message ?? "").split("\n")[0];
    return `Failed: ${why} · ${began}${ended} · ${took}${again}`;
  }
  if (run.status === "crashed") {
    return `The process${run.owner ? ` on ${run.owner.host}` : ""} died; ${count(run.counts.succeeded ?? 0)} steps are kept. Resume goes on · ${began}${again}`;
  }
  if (run.status === "pending") return "It has not begun yet.";
  return `${began}${again}${ended} · ${took}`;
}

function Actions({ run }: { run: Run }) {
  const asking = useSignal<"" | "stop" | "fork">("");
  const said = useSignal<acts.Outcome | null>(null);
  const going = acts.under.value.get(run.id);
  const over = isOver(run), crashed = run.status === "crashed";
  const act = async (what: string, does: () => Promise<unknown>) => {
    asking.value = "";
    said.value = null;
    try {
      await does();
    } catch (error) {
      said.value = acts.refused(what, error);
    }
  };
  const fork = () => act("Not forked", async () => { const made = await acts.fork(run); go(`/runs/${made.name || made.id}`); });
  const stop = () => act("Not stopped", () => acts.stop(run));
  const resume = () => act("Not resumed", () => acts.resume(run));
  useKeys("Run", [
    { keys: "s", words: "stop (asks)", act: () => { if (!over) asking.value = "stop"; } },
    { keys: "r", words: "resume", act: () => { if (crashed || (over && run.status !== "succeeded")) void resume(); } },
  ]);
  if (asking.value) {
    const stops = asking.value === "stop";
    return (
      <div class="row run-acts" role="group" aria-label={stops ? "Stop" : "Fork"}>
        <span class="i2">{stops ? `Stop ${run.name}?` : "Same code and input; what does not change is reused."}</span>
        <Button primary onClick={stops ? stop : fork}>{stops ? "Stop it" : "Fork"}</Button>
        <Copy text={stops ? acts.stopCommand(run) : acts.forkCommand(run)} />
        <Button plain icon="close" label="Not now" onClick={() => { asking.value = ""; }} />
      </div>
    );
  }
  return (
    <div class="row run-acts">
      {said.value && <span class="t-failed" role="alert">{said.value.words}</span>}
      {going && <span class="i2" role="status">{going}</span>}
      <span class="hint"><Copy text={`motet show ${run.name}`} /></span>
      <a class="button wide" href={`/compare?runs=${run.id}`}>Compare</a>
      <Button icon="fork" onClick={() => { asking.value = "fork"; }}>Fork…</Button>
      {!over && !crashed && <Button icon="stop" disabled={!!going} onClick={() => { asking.value = "stop"; }}>Stop</Button>}
      {(crashed || (over && run.status !== "succeeded")) && <Button icon="play" primary disabled={!!going} onClick={resume}>Resume</Button>}
    </div>
  );
}

/** Steps by status, as buttons: pressed ones stay at full strength, the rest falls back. Alt: that one alone. */
function Tally({ model }: { model: RunModel }) {
  const found = tallied(model.tally.value);
  const filter = state.filter.value;
  const press = (status: Status, alone: boolean) => {
    const statuses = new Set(alone ? [] : filter.statuses);
    if (!statuses.delete(status)) statuses.add(status);
    state.filter.value = { ...filter, statuses };
  };
  const total = found.reduce((sum, [, n]) => sum + n, 0);
  const ended = found.reduce((sum, [status, n]) => sum + (["failed", "skipped", "cancelled", "cached", "succeeded"].includes(status) ? n : 0), 0);
  const [done, elements] = elementCounts(model.picture.value);
  return (
    <div class="tally" role="group" aria-label="Steps by status">
      {found.map(([status, n]) => (
        <button key={status} type="button" aria-pressed={filter.statuses.has(status)} onClick={(event) => press(status, event.altKey)}>
          <Mark status={status} quiet /> <b>{count(n)}</b> <span>{statusWords(status)}</span>
        </button>
      ))}
      {(filter.statuses.size > 0 || filter.text) && <Button plain icon="close" onClick={() => { state.filter.value = { text: "", statuses: new Set() }; }}>All</Button>}
      <span class="grow right i2 ended">
        <b>{count(ended)}</b> of {count(total)} steps ended{elements > 0 && state.moment.value === null && <>, <b>{count(done)}</b> of {count(elements)} elements</>}
      </span>
    </div>
  );
}

/** The head. `above` are the runs that this one is a part of. */
export function Header({ model, above }: { model: RunModel; above: { id: string; name: string }[] }) {
  const run = model.run.value, now = model.now.value ?? model.picture.value;
  if (!run) return null;
  const moment = state.moment.value;
  const words = moment === null ? sentence(run, { ...now, until: model.until.value }) : `as it was at ${clock(run.created_at + moment)}`;
  return (
    <header class="run-head">
      <div class="row first">
        <Mark status={run.status} size={16} />
        {above.map((each) => <span key={each.id} class="i2"><a href={`/runs/${each.id}`}>{each.name}</a> ›</span>)}
        <h1>{run.name}</h1>
        <Voice name={String((run.program.voice as Json) ?? "")} />
        <a class="i2 under" href={`/runs?q=${encodeURIComponent(`workflow:${run.workflow}`)}`}>{run.workflow}</a>
        <span class={`cut grow ${run.status === "failed" && moment === null ? "t-failed" : "i2"}`} title={`${words}\n${iso(run.started_at)}`}>{words}</span>
        {moment !== null && <Button onClick={() => { state.moment.value = null; }}>Back to now</Button>}
        <Actions run={run} />
      </div>
      <Tally model={model} />
    </header>
  );
}
