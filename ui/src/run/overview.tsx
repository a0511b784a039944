// What stands beside the views while no step is selected: what needs a person, where the time goes, what runs now.
import { useEffect } from "preact/hooks";
import { STATUSES, type Status } from "../core/status";
import { count, duration } from "../core/words";
import { Mark } from "../parts/marks";
import type { RunModel } from "./model";
import { FLOW, HIDDEN, MAP, type Picture } from "./picture";
import { meaning, nameOf } from "./rows";
import * as state from "./state";

const NEEDS: readonly Status[] = ["waiting", "failed", "crashed", "retrying"];
const FEW = 5;

/** The steps in one of the statuses, in their order, those first that were asked for first; without what only carries others. */
function inStatus(of: Picture, statuses: readonly Status[], most: number): number[] {
  const wanted = statuses.map((each) => STATUSES.indexOf(each));
  const found: number[][] = wanted.map(() => []);
  for (let at = 0; at < of.n; at += 1) {
    if ((of.flags[at] ?? 0) & (FLOW | HIDDEN | MAP)) continue;
    const up = of.parent[at] ?? -1;
    if (up >= 0 && of.status[up] === of.status[at] && !((of.flags[up] ?? 0) & (FLOW | MAP))) continue; // told by its parent
    const list = found[wanted.indexOf(of.status[at] ?? 0)];
    if (list && list.length < most) list.push(at);
  }
  return found.flat().slice(0, most);
}

/** Which of the rows of "Where the time goes" a stretch belongs to, and in which colour it is drawn. */
const CAUSES: Readonly<Record<string, [string, string]>> = {
  "failed attempts": ["failed attempts", "failed-f"], "retry pauses": ["retry pauses", "retrying-f"],
  "waited for a slot": ["waited for a slot", "ready-f"], "waited for an event or an answer": ["waited for you or an event", "waiting-f"],
  "its own code": ["the run's own code", "pending-f"], "lost in a crash": ["lost in the crash", "crashed-f"],
  "no process drove it": ["no process drove it", "crashed"],
};

function Time({ model }: { model: RunModel }) {
  useEffect(() => model.watchPath(), [model]);
  const where = model.where.value, of = model.now.value;
  if (!where || !of) return null;
  const sums = new Map<string, [number, string]>();
  for (const [task, took] of Object.entries(where.tasks)) sums.set(task, [took, "succeeded-f"]);
  for (const [cause, took] of Object.entries(where.causes)) if (CAUSES[cause]) sums.set(CAUSES[cause][0], [took, CAUSES[cause][1]]);
  const rows = [...sums].sort((one, other) => other[1][0] - one[1][0]);
  const most = rows[0]?.[1][0] ?? 1;
  const rest = rows.slice(7).reduce((sum, [, [took]]) => sum + took, 0);
  return (
    <section>
      <h2 class="row">Where the time goes <span class="i3 grow right">critical path, {duration(where.wall_s)}</span></h2>
      <table class="causes">
        <tbody>
          {rows.slice(0, 7).map(([name, [took, colour]]) => (
            <tr key={name}>
              <th scope="row" title={name}>{name}</th>
              <td><i style={{ width: `${Math.max(2, (took / most) * 92)}px`, background: `var(--${colour})` }} /></td>
              <td class="right i2">{duration(took)}</td>
            </tr>
          ))}
          {rest > 0 && <tr><th scope="row">other</th><td /><td class="right i2">{duration(rest)}</td></tr>}
        </tbody>
      </table>
    </section>
  );
}

function Line({ of, at }: { of: Picture; at: number }) {
  const status = STATUSES[of.status[at] ?? 0] as Status, said = meaning(of, at), why = of.cause.get(at);
  return (
    <li>
      <button type="button" class="need" onClick={() => { state.selection.value = of.keys[at] ?? null; }}>
        <Mark status={status} />
        <span class="grow"><b>{nameOf(of, at)}</b> <span class={`t-${status}`}>{said}</span>{why && !said.startsWith(why) && <><br /><span class="i2">{why}</span></>}</span>
      </button>
    </li>
  );
}

/** The panel of the run. */
export function Overview({ model }: { model: RunModel }) {
  const of = { ...model.picture.value, until: state.moment.value ?? model.until.value };
  const needs = inStatus(of, NEEDS, FEW + 1), runs = inStatus(of, ["running"], FEW + 1);
  const running = model.tally.value.running ?? 0;
  return (
    <>
      {needs.length > 0 && (
        <section>
          <h2>Needs you</h2>
          <ul>{needs.slice(0, FEW).map((at) => <Line key={at} of={of} at={at} />)}</ul>
          {needs.length > FEW && <p class="i3">and more: press a status above</p>}
        </section>
      )}
      <Time model={model} />
      {runs.length > 0 && (
        <section>
          <h2 class="row">Running now <span class="i3 grow right">{count(running)} {running === 1 ? "step" : "steps"}</span></h2>
          <ul>{runs.slice(0, FEW).map((at) => <Line key={at} of={of} at={at} />)}</ul>
        </section>
      )}
    </>
  );
}
