// Begin a run of a workflow: a form from the schema of its parameters, and the command that does the same.
import { useSignal } from "@preact/signals";
import { command, params, refused, type Outcome } from "../core/acts";
import { ApiError, at, get, post } from "../core/api";
import { useAnswer } from "../core/answer";
import { go } from "../core/router";
import type { Run, RunList } from "../core/types";
import { Button, Copy } from "../parts/controls";
import { SchemaForm, useForm } from "../parts/form";
import { changed, check, filled, isObject } from "../parts/schema";
import type { Workflow } from "./kinds";

/** Where an answer of the server says which parameter does not fit: its name. */
export function parameterOf(error: unknown): string {
  return error instanceof ApiError ? (/[Pp]arameter ['"]?([\w.[\]-]+?)['"]? /.exec(error.what)?.[1] ?? "") : "";
}

export function StartForm({ workflow }: { workflow: Workflow }) {
  const { value, problems } = useForm(workflow.schema, workflow.params);
  const name = useSignal("");
  const went = useSignal<Outcome | null>(null);
  const busy = useSignal(false);
  const runs = useAnswer((signal) => get<RunList>("/runs", { workflow: workflow.workflow, limit: 20 }, signal), [workflow.workflow]);
  const given = changed(value.value, filled(workflow.schema, workflow.params));

  const fill = (of: string) => {
    const run = runs.value?.runs.find((each) => each.id === of);
    const known = workflow.schema.properties ?? {};
    if (run && isObject(run.params)) value.value = filled(workflow.schema, { ...workflow.params, ...Object.fromEntries(Object.entries(run.params).filter(([each]) => each in known)) });
  };
  const start = async () => {
    problems.value = check(workflow.schema, value.value);
    if (problems.value.size || busy.value) return;
    busy.value = true;
    went.value = null;
    try {
      const run = await post<Run>(at`/workflows/${workflow.name}/runs`, { params: given, name: name.value });
      go(`/runs/${run.id}`);
    } catch (error) {
      const at = parameterOf(error);
      if (at && at in (workflow.schema.properties ?? {}) && error instanceof ApiError) problems.value = new Map([[at, `${error.what} ${error.cure}`]]);
      else went.value = refused("Not started", error);
    }
    busy.value = false;
  };
  return (
    <section>
      <form class="start" onSubmit={(event) => { event.preventDefault(); void start(); }}>
        {runs.value && runs.value.runs.length > 0 && (
          <label class="i2">As in run <select onChange={(event) => fill(event.currentTarget.value)}>
            <option value="">–</option>
            {runs.value.runs.map((each) => <option key={each.id} value={each.id}>{each.name}</option>)}
          </select></label>
        )}
        <SchemaForm schema={workflow.schema} value={value} problems={problems} id="start" />
        <div class="field">
          <label for="start-name-of-run"><b>Name of the run</b> <span class="i3">else two words are drawn</span></label>
          <input type="text" id="start-name-of-run" value={name.value} onInput={(event) => { name.value = event.currentTarget.value; }} />
        </div>
        <div class="acts">
          <Button primary icon="play" disabled={busy.value} onClick={() => void start()}>Start</Button>
          <Copy text={command("motet", "submit", workflow.name, ...params(given), ...(name.value ? ["--name", name.value] : []))} />
        </div>
        <code class="i2 command">{command("motet", "submit", workflow.name, ...params(given), ...(name.value ? ["--name", name.value] : []))}</code>
        {went.value && <p class="t-failed" role="alert">{went.value.words}</p>}
      </form>
    </section>
  );
}
