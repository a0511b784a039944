// Why a step stands as it does, with links to the steps that it names; and what befell it.
import type { ComponentChildren } from "preact";
import { clock } from "../core/words";
import { Mark } from "../parts/marks";
import { nameOf, stepAt, type StepTold } from "./view";

/** Words with `commands` as code and the names of steps as links. */
export function linked(text: string, keys: ReadonlyMap<string, string>): ComponentChildren[] {
  const names = [...keys.keys()].filter((each) => text.includes(each)).sort((one, other) => other.length - one.length);
  const pattern = new RegExp(`(\`[^\`]+\`${names.map((each) => `|${each.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w[/-])`).join("")})`);
  return text.split(pattern).map((each) => {
    if (each.startsWith("`") && each.length > 1) return <code>{each.slice(1, -1)}</code>;
    const run = keys.get(each);
    return run === undefined ? each : <a class="to" href={stepAt(each, run)}>{nameOf(each)}</a>;
  });
}

/** The steps that reasons may name, each with its run, "" for this one. */
function named(of: StepTold): Map<string, string> {
  const found = new Map([...of.step.needs, ...of.needed_by.map(([key]) => key)].map((key) => [key, ""]));
  const near = of.why.nearest;
  for (const each of [of.why.reused, of.why.cache?.from, near ? ([near.run, near.step] as const) : null]) if (each) found.set(each[1], each[0]);
  return found;
}

export function Why({ of }: { of: StepTold }) {
  const keys = named(of);
  return (
    <section>
      <h2>Why</h2>
      <ul class="why">
        {of.why.why.map((each, index) => <li key={index} class={each.startsWith("  ") ? "mono" : ""}>{linked(each, keys)}</li>)}
        {of.needed_by.filter(([, status]) => status === "skipped").slice(0, 5).map(([key, status]) => (
          <li key={key} class="row"><Mark status={status} /><a class="to" href={stepAt(key)}>{nameOf(key)}</a> was skipped because of it.</li>
        ))}
      </ul>
      <details>
        <summary>What befell it</summary>
        <ol class="story">{of.why.story.map((each, index) => <li key={index}><time>{clock(each.at)}</time> <span>{linked(each.what, keys)}</span></li>)}</ol>
      </details>
    </section>
  );
}

/** Steps that it takes from and that take from it. */
export function Around({ of }: { of: StepTold }) {
  const some = (keys: readonly string[]) => (
    <>{keys.slice(0, 8).map((key, index) => <>{index > 0 && ", "}<a class="to" href={stepAt(key)}>{nameOf(key)}</a></>)}{keys.length > 8 && ` and ${keys.length - 8} more`}</>
  );
  const after = of.needed_by.map(([key]) => key);
  const packages = Object.entries(of.code.environment ?? {}).map(([name, version]) => `${name} ${version}`).join(", ");
  const rows: [string, ComponentChildren][] = [
    ["needs", of.step.needs.length ? some(of.step.needs) : ""], ["needed by", after.length ? some(after) : ""],
    ["code", of.code.target ? <><code>{of.code.target}</code> <span class="i3">{of.code.code?.slice(0, 12)}</span></> : ""], ["packages", packages],
    ["runs in", of.policy.executor ?? ""], ["takes", Object.entries(of.policy.demands ?? {}).map(([name, amount]) => `${amount} ${name.split(":").pop()}`).join(", ")],
    ["retries", of.policy.retries ? String(of.policy.retries) : ""], ["time limit", of.policy.timeout_s ? `${of.policy.timeout_s} s` : ""],
  ];
  const known = rows.filter(([, each]) => each !== "");
  return known.length ? <section><h2>What it is and used</h2><dl class="facts">{known.map(([name, each]) => <div key={name}><dt>{name}</dt><dd>{each}</dd></div>)}</dl></section> : null;
}
