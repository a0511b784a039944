// The schedules of a workflow: when, in words, with the next ten times; paused, removed and made here.
import { useSignal } from "@preact/signals";
import { params, refused, type Outcome } from "../core/acts";
import { get, post } from "../core/api";
import { useAnswer } from "../core/answer";
import { inline, many, time } from "../core/words";
import { Button, Copy, Segments } from "../parts/controls";
import { SchemaForm, useForm } from "../parts/form";
import { changed, check, filled, type Schema } from "../parts/schema";
import { Empty, Failed } from "../parts/state";
import { asked, begins, localTime, policies, scheduleCommand, shortly, type Schedule, type Times, type When, type Workflow } from "./kinds";
import { Upkeep } from "./upkeep";

export function Schedules({ workflow }: { workflow: Workflow }) {
  const all = useAnswer((signal) => get<Schedule[]>("/schedules", {}, signal), [], (changes) => changes.some((each) => each.key.startsWith("run.")));
  const ours = (all.value ?? []).filter((each) => begins(each, workflow.name));
  const making = useSignal(false);
  return (
    <>
      {all.error && <Failed what="The schedules could not be read:" error={all.error} again={all.again} />}
      {ours.map((each) => <One key={each.name} schedule={each} done={all.again} />)}
      {all.value && !ours.length && !making.value && <Empty>No schedule begins runs of {workflow.name}.</Empty>}
      <section>
        {making.value ? <Make workflow={workflow} taken={(all.value ?? []).map((each) => each.name)} done={() => { making.value = false; all.again(); }} /> : (
          <div class="acts"><Button icon="plus" onClick={() => { making.value = true; }}>New schedule…</Button></div>
        )}
      </section>
    </>
  );
}

function One({ schedule, done }: { schedule: Schedule; done: () => void }) {
  const { cron, every_s, at, zone, start_at, end_at, created_at } = schedule;
  const when = useAnswer((signal) => get<Times>("/times", { cron: cron ?? "", every_s, at, zone, start_at, end_at, created_at }, signal), [schedule.name, schedule.next_at]);
  return (
    <section>
      <h3>{schedule.name}{schedule.paused && <span class="i2">, paused</span>}</h3>
      <p>{when.value?.words ?? ""}{cron && <code class="i3"> {cron}</code>}</p>
      <p class="i2">{policies(schedule)} {many(schedule.started, "run")} begun{schedule.skipped ? `, ${schedule.skipped} left out` : ""}{schedule.next_at ? `, next ${shortly(schedule.next_at)}` : ""}.</p>
      {schedule.told.slice(-3).map((each) => <p key={inline(each)} class="i3">{inline(each, 160)}</p>)}
      {schedule.runs.length > 0 && <p class="i2">Last: {schedule.runs.slice(-5).map((each) => <a key={each} class="link gap" href={`/runs/${each}`}>{each}</a>)}</p>}
      <NextTimes times={when.value} zone={zone} />
      <Upkeep route="schedules" name={schedule.name} paused={schedule.paused} what="It begins nothing any more; its runs go on." done={done} />
    </section>
  );
}

/** The next times by the schedule's own clock and by this machine's, with what is odd about them. */
function NextTimes({ times, zone }: { times: Times | undefined; zone: string }) {
  if (!times) return null;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <ol class="times" aria-label={`The next ${times.times.length} times`}>
      {times.times.map((each) => (
        <li key={each.at} class={each.note ? "odd" : ""}>
          <span>{localTime(each.local)}</span>
          <span class="i3">{zone === here ? "" : `${time(each.at)} here`}</span>
          <span class="t-retrying">{each.note}</span>
        </li>
      ))}
    </ol>
  );
}

function Make({ workflow, taken, done }: { workflow: Workflow; taken: readonly string[]; done: () => void }) {
  const free = taken.includes(workflow.name) ? `${workflow.name}-${taken.length + 1}` : workflow.name;
  const name = useSignal(free);
  const when = useSignal<When>({ kind: "cron", cron: "0 6 * * *", every: "1h", at: "", zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC", overlap: "allow", catch_up: "last" });
  const schema: Schema = { ...workflow.schema };
  const { value, problems } = useForm(schema, workflow.params);
  const went = useSignal<Outcome | null>(null);
  const of = when.value;
  const query = asked(of);
  const next = useAnswer(async (signal) => (query ? get<Times>("/times", query, signal) : undefined), [query]);
  const given = changed(value.value, filled(schema, workflow.params));
  const put = (changed: Partial<When>) => { when.value = { ...of, ...changed }; };
  const make = async () => {
    problems.value = check(schema, value.value);
    if (problems.value.size || !query) return;
    try {
      await post("/schedules", { name: name.value, target: workflow.name, params: given, overlap: of.overlap, catch_up: of.catch_up, ...query });
      done();
    } catch (error) {
      went.value = refused("Not made", error);
    }
  };
  const select = (label: string, name: "overlap" | "catch_up", options: readonly (readonly [string, string])[]) => (
    <label>{label} <select value={of[name]} onChange={(event) => put({ [name]: event.currentTarget.value })}>{options.map(([each, words]) => <option key={each} value={each}>{words}</option>)}</select></label>
  );
  return (
    <form class="start" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <h3>New schedule of {workflow.name}</h3>
      <div class="field"><label for="schedule-name"><b>Name</b></label><input type="text" id="schedule-name" value={name.value} onInput={(event) => { name.value = event.currentTarget.value; }} /></div>
      <Segments label="When" options={[["cron", "By cron"], ["every", "At intervals"], ["once", "Once"]]} value={of.kind} onChange={(kind) => put({ kind })} />
      {of.kind === "cron" && (
        <div class="field">
          <label for="schedule-cron"><b>Cron</b> <span class="i3">minute, hour, day of the month, month, day of the week; or @daily, @hourly</span></label>
          <input type="text" id="schedule-cron" class="mono" value={of.cron} onInput={(event) => put({ cron: event.currentTarget.value })} />
        </div>
      )}
      {of.kind === "every" && <div class="field"><label for="schedule-every"><b>Every</b> <span class="i3">90s, 15m, 12h, 7d</span></label><input type="text" id="schedule-every" value={of.every} onInput={(event) => put({ every: event.currentTarget.value })} /></div>}
      {of.kind === "once" && <div class="field"><label for="schedule-at"><b>At</b> <span class="i3">by this machine's clock</span></label><input type="datetime-local" id="schedule-at" value={of.at} onInput={(event) => put({ at: event.currentTarget.value })} /></div>}
      {of.kind === "cron" && <div class="field"><label for="schedule-zone"><b>Zone</b> <span class="i3">such as Europe/Berlin</span></label><input type="text" id="schedule-zone" value={of.zone} onInput={(event) => put({ zone: event.currentTarget.value })} /></div>}
      {next.error ? <p class="t-failed why" role="alert">{next.error.what} {next.error.cure}</p> : next.value && <><p>{next.value.words}</p><NextTimes times={next.value} zone={of.zone} /></>}
      <div class="acts">
        {select("While one is under way", "overlap", [["allow", "begin another"], ["skip", "leave it out"], ["wait", "wait for it"], ["stop", "stop it"]])}
        {select("Of missed times", "catch_up", [["last", "run the last"], ["all", "run all"], ["skip", "run none"]])}
      </div>
      <SchemaForm schema={schema} value={value} problems={problems} id="schedule" />
      <div class="acts">
        <Button primary disabled={!query || !name.value} onClick={() => void make()}>Make the schedule</Button>
        <Copy text={scheduleCommand(workflow.name, name.value, of, params(given))} />
        <Button plain onClick={done}>Cancel</Button>
      </div>
      {went.value && <p class="t-failed" role="alert">{went.value.words}</p>}
    </form>
  );
}
