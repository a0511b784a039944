// One event: its value, who sent it, and every rule that saw it: which fired and what came of it, which did not and why.
import { ApiError, at, get } from "../core/api";
import { useAnswer } from "../core/answer";
import type { Event, Json } from "../core/types";
import { clock, count, figure, inline, iso, many } from "../core/words";
import { Button } from "../parts/controls";
import { Icon } from "../parts/icons";
import { Mark } from "../parts/marks";
import { Failed, Loading } from "../parts/state";
import { series, seenBy, type Seen } from "./told";

interface Account {
  event: Event;
  rules: Seen[];
  hour: [number, Json][];
}

export function EventPanel({ offset, nameOf, close }: { offset: number; nameOf: (run: string) => string; close: () => void }) {
  const told = useAnswer((signal) => get<Account>(at`/events/${String(offset)}`, {}, signal), [offset], (changes) => changes.some((each) => each.key.startsWith("wait.")));
  const { value: found } = told;
  return (
    <aside aria-label="The event">
      <div class="panel-head">
        <h2 class="grow cut">{found ? `${found.event.key}${typeof found.event.value === "number" ? ` ${figure(found.event.value)}` : ""}` : "Event"}</h2>
        <Button plain icon="close" label="Close" onClick={close} />
      </div>
      {told.error && <Failed what="The event could not be read:" error={told.error instanceof ApiError ? told.error : new ApiError(0, String(told.error), "")} again={told.again} />}
      {told.loading && <Loading />}
      {found && <About event={found.event} rules={found.rules} nameOf={nameOf} />}
      {found?.rules.map((each) => <Rule key={`${each.run}/${each.rule}`} seen={each} />)}
      {found && <Hour {...found} />}
    </aside>
  );
}

function About({ event, rules, nameOf }: { event: Event; rules: Seen[]; nameOf: (run: string) => string }) {
  const [run, step] = event.sender.split(/\/(.*)/s);
  const long = typeof event.value === "object" && JSON.stringify(event.value).length > 60;
  return (
    <section>
      <dl class="facts">
        <dt>at</dt><dd title={iso(event.at)}>{clock(event.at, 3)}, offset {count(event.offset)}</dd>
        {event.namespace && <><dt>namespace</dt><dd>{event.namespace}</dd></>}
        <dt>sent by</dt>
        <dd>
          {event.published && step && run ? <a class="link" href={`/runs/${run}?step=${encodeURIComponent(step)}`}>{step} of {nameOf(run)}</a> : event.sender || "nobody who gave a name"}
        </dd>
        {event.run && <><dt>run</dt><dd><a class="link" href={`/runs/${event.run}`}>{nameOf(event.run)}</a></dd></>}
        {event.published && <><dt>seen by</dt><dd>{seenBy(rules)}</dd></>}
        <dt>value</dt><dd>{long ? <pre class="code">{JSON.stringify(event.value, null, 2)}</pre> : <code>{inline(event.value)}</code>}</dd>
      </dl>
    </section>
  );
}

function Rule({ seen }: { seen: Seen }) {
  const held = seen.conditions.filter((each) => each.holds).length;
  const what = seen.by === "trigger" ? `begin ${seen.target}` : seen.rule.replace(/\/\d+$/, "");
  return (
    <section class="rule">
      <h3 class="row"><Mark status={seen.fired ? "succeeded" : "waiting"} quiet /> {seen.fired ? "Fired" : "Did not fire"}: {what}</h3>
      <p class="i2">
        {seen.by === "trigger" ? "Trigger " : "Rule of "}
        {seen.by === "trigger" ? seen.name : <a class="link" href={`/runs/${seen.run}`}>{seen.name}</a>}
        {seen.fired ? seen.did && `: ${seen.did}` : seen.conditions.length > 1 ? `. ${held} of ${seen.conditions.length} conditions hold` : ""}
        {seen.fired && seen.step && <>. <a class="link" href={`/runs/${seen.run}?step=${encodeURIComponent(seen.step)}`}>{seen.step}</a></>}
        {seen.by === "trigger" && seen.run && <>. <a class="link" href={`/runs/${seen.run}`}>Its run</a></>}
      </p>
      <ul class="conds">
        {seen.conditions.map((each) => (
          <li key={each.words} class={each.holds ? "" : "no"}>
            <Icon name={each.holds ? "yes" : "minus"} label={each.holds ? "holds" : "does not hold"} />
            <span class="words">{each.words}</span><span class="value">{each.value}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const WIDE = 340;
const HIGH = 110;

/** The values of the key over the hour before, with what rules compare them with. */
function Hour({ event, rules, hour }: Account) {
  const { name, points, lines } = series(hour, rules);
  const [first, last] = [points[0], points.at(-1)];
  if (points.length < 2 || !first || !last) return null;
  const all = [...points.map(([, y]) => y), ...lines.map(([y]) => y)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const x = (of: number) => ((of - first[0]) / Math.max(1e-9, last[0] - first[0])) * (WIDE - 12) + 4;
  const y = (of: number) => HIGH - 14 - ((of - low) / Math.max(1e-9, high - low)) * (HIGH - 30);
  return (
    <section>
      <h2 class="row spread"><span>{event.key}{name && ` ${name}`}, hour before</span><span class="i3">{many(points.length, "event")}</span></h2>
      <svg class="chart" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`${event.key} from ${figure(low)} to ${figure(high)}, last ${figure(last[1])}`}>
        {lines.map(([at, rule]) => (
          <g key={rule}>
            <line class="mark-line" x1={0} x2={WIDE} y1={y(at)} y2={y(at)} />
            <text x={0} y={y(at) - 4}>{figure(at)} {rule}</text>
          </g>
        ))}
        <polyline class="line" points={points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ")} />
        <circle cx={x(last[0])} cy={y(last[1])} r={3.5} fill="var(--ink)" />
        <text x={0} y={HIGH - 1}>{clock(first[0])}</text>
        <text x={WIDE} y={HIGH - 1} text-anchor="end">{clock(last[0])}</text>
      </svg>
    </section>
  );
}
