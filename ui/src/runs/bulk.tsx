// What is done to the marked runs together: each act says how many first, and shows the command that does the same.
import { useState } from "preact/hooks";
import * as acts from "../core/acts";
import { go } from "../core/router";
import { ENDED, shownAs } from "../core/status";
import type { Json, Run } from "../core/types";
import { many } from "../core/words";
import { Button, Copy } from "../parts/controls";

interface Act {
  name: string;
  done: string;
  icon: "stop" | "retry" | "fork";
  fits: (run: Run) => boolean;
  act: (run: Run, params: Record<string, Json>) => Promise<unknown>;
  command: (run: Run, params: Record<string, Json>) => string;
}

const ACTS: Record<string, Act> = {
  fork: {
    name: "Fork", done: "forked", icon: "fork", fits: () => true,
    act: (run, params) => acts.fork(run, { params }), command: (run, params) => acts.forkCommand(run, { params }),
  },
  retry: {
    name: "Retry", done: "retried", icon: "retry", fits: (run) => ["failed", "cancelled", "crashed"].includes(run.status),
    act: (run) => acts.resume(run), command: (run) => acts.resumeCommand(run),
  },
  stop: {
    name: "Stop", done: "stopped", icon: "stop", fits: (run) => !ENDED.has(shownAs(run.status)) && run.status !== "cancelling",
    act: (run) => acts.stop(run), command: (run) => acts.stopCommand(run),
  },
};

/** The parameters that were written: JSON of an object; null for what is none. */
export function readParams(text: string): Record<string, Json> | null {
  if (!text.trim()) return {};
  try {
    const found: unknown = JSON.parse(text);
    return found && typeof found === "object" && !Array.isArray(found) ? (found as Record<string, Json>) : null;
  } catch {
    return null;
  }
}

function Confirm({ act, runs, onEnd }: { act: Act; runs: readonly Run[]; onEnd: (outcome: string) => void }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const params = act.name === "Fork" ? readParams(text) : {};
  const go = async () => {
    if (!params) return;
    setBusy(true);
    const told = await Promise.allSettled(runs.map((each) => act.act(each, params)));
    const bad = told.flatMap((each) => (each.status === "rejected" ? [acts.refused(`Not ${act.done}`, each.reason).words] : []));
    onEnd(bad.length ? `${many(bad.length, "run")} of ${runs.length}: ${bad[0]}` : `${many(runs.length, "run")} ${act.name === "Stop" ? "asked to stop" : act.done}.`);
  };
  return (
    <>
      <span class="b">{act.name} {many(runs.length, "run")}?</span>
      {act.name === "Fork" && (
        <input
          type="text" class="mono" aria-label="Parameters to change, as JSON" aria-invalid={params === null} placeholder='{"depth": 4}, or as they were'
          value={text} onInput={(event) => setText(event.currentTarget.value)}
        />
      )}
      {act.name === "Fork" && params === null && <span role="alert">This is no JSON object.</span>}
      <Button primary icon={act.icon} disabled={busy || !params} onClick={() => void go()}>{act.name} {runs.length}</Button>
      <Button plain onClick={() => onEnd("")}>Leave it</Button>
      <Copy text={runs.map((each) => act.command(each, params ?? {})).join("\n")} />
    </>
  );
}

/** The bar over the list while runs are marked. */
export function Bulk({ runs, onClear }: { runs: readonly Run[]; onClear: () => void }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [outcome, setOutcome] = useState("");
  const act = chosen ? ACTS[chosen] : undefined;
  if (!runs.length) return null;
  const fitting = act ? runs.filter(act.fits) : [];
  return (
    <section class="bulk" aria-label="Marked runs">
      {act ? (
        <Confirm key={chosen} act={act} runs={fitting} onEnd={(words) => { setOutcome(words); setChosen(null); }} />
      ) : (
        <>
          <span class="b">{many(runs.length, "run")} marked</span>
          <Button icon="compare" disabled={runs.length < 2} onClick={() => go(`/compare?runs=${runs.map((each) => encodeURIComponent(each.name)).join(",")}`)}>Compare</Button>
          {Object.entries(ACTS).map(([name, each]) => (
            <Button key={name} icon={each.icon} disabled={!runs.some(each.fits)} onClick={() => { setOutcome(""); setChosen(name); }}>{each.name}…</Button>
          ))}
          <Button plain icon="close" label="Unmark all" onClick={onClear} />
          {outcome && <span role="status">{outcome}</span>}
        </>
      )}
    </section>
  );
}
