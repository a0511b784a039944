// The triggers of a workflow as sentences; paused, removed and made here.
import { useSignal } from "@preact/signals";
import { command, params, refused, type Outcome } from "../core/acts";
import { get, post } from "../core/api";
import { useAnswer } from "../core/answer";
import { inline, many } from "../core/words";
import { Button, Copy } from "../parts/controls";
import { Empty, Failed } from "../parts/state";
import { begins, sentence, type Trigger, type Workflow } from "./kinds";
import { Upkeep } from "./upkeep";

export function Triggers({ workflow }: { workflow: Workflow }) {
  const all = useAnswer((signal) => get<Trigger[]>("/triggers", {}, signal), [], (changes) => changes.some((each) => each.key.startsWith("run.")));
  const ours = (all.value ?? []).filter((each) => begins(each, workflow.name));
  const making = useSignal(false);
  return (
    <>
      {all.error && <Failed what="The triggers could not be read:" error={all.error} again={all.again} />}
      {ours.map((each) => (
        <section key={each.name}>
          <h3>{each.name}{each.paused && <span class="i2">, paused</span>}</h3>
          <p>{sentence(each)}</p>
          <p class="i2">{many(each.started, "run")} begun. {each.runs.slice(-5).map((run) => <a key={run} class="link gap" href={`/runs/${run}`}>{run}</a>)} <a class="link" href={`/events?q=${encodeURIComponent(each.key.replaceAll("*", ""))}`}>Its events</a></p>
          {each.told.slice(-3).map((of) => <p key={inline(of)} class="i3">{inline(of, 160)}</p>)}
          <Upkeep route="triggers" name={each.name} paused={each.paused} what="It begins nothing any more; its runs go on." done={all.again} />
        </section>
      ))}
      {all.value && !ours.length && !making.value && <Empty>No event begins runs of {workflow.name}.</Empty>}
      <section>
        {making.value ? <Make workflow={workflow} done={() => { making.value = false; all.again(); }} /> : <div class="acts"><Button icon="plus" onClick={() => { making.value = true; }}>New trigger…</Button></div>}
      </section>
    </>
  );
}

/** "path=value.path, n=value.n" as an object. */
export function taken(text: string): Record<string, string> {
  return Object.fromEntries(text.split(",").map((each) => each.split("=").map((part) => part.trim())).filter(([name, part]) => name && part) as [string, string][]);
}

function Make({ workflow, done }: { workflow: Workflow; done: () => void }) {
  const of = useSignal({ name: workflow.name, key: "", where: "", take: "" });
  const went = useSignal<Outcome | null>(null);
  const { name, key } = of.value;
  const where = of.value.where.split(/\s+and\s+|,/).map((each) => each.trim()).filter(Boolean);
  const take = taken(of.value.take);
  const told: Trigger = { name, target: workflow.name, key: key || "…", namespace: null, sender: null, where, params: {}, take, paused: false, started: 0, runs: [], told: [] };
  const make = async () => {
    try {
      await post("/triggers", { name, target: workflow.name, key, where, take });
      done();
    } catch (error) {
      went.value = refused("Not made", error);
    }
  };
  const field = (id: keyof typeof of.value, words: string, more: string) => (
    <div class="field">
      <label for={`trigger-${id}`}><b>{words}</b> <span class="i3">{more}</span></label>
      <input type="text" id={`trigger-${id}`} value={of.value[id]} onInput={(event) => { of.value = { ...of.value, [id]: event.currentTarget.value }; }} />
    </div>
  );
  return (
    <form class="start" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <h3>New trigger of {workflow.name}</h3>
      {field("name", "Name", "")}
      {field("key", "Event", "a name, or a pattern such as data/*")}
      {field("where", "Conditions", "value.score>=0.9; of several all must hold")}
      {field("take", "Parameters from the event", "path=value.path, n=value.n")}
      <p class="i2">{sentence(told)}</p>
      <div class="acts">
        <Button primary disabled={!key || !name} onClick={() => void make()}>Make the trigger</Button>
        <Copy text={command("motet", "trigger", "add", workflow.name, "--name", name, "--key", key, ...where.flatMap((each) => ["--where", each]), ...Object.entries(take).flatMap(([to, from]) => ["--take", `${to}=${from}`]), ...params({}))} />
        <Button plain onClick={done}>Cancel</Button>
      </div>
      {went.value && <p class="t-failed" role="alert">{went.value.words}</p>}
    </form>
  );
}
