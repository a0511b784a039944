// The page of one run: its head, the line of its time, its views, and beside them what is selected.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Run } from "../core/types";
import { Button, Segments } from "../parts/controls";
import { Failed, Loading } from "../parts/state";
import { announce } from "../shell/announce";
import { useKeys } from "../shell/keys";
import { lazy } from "../shell/lazy";
import { address, go } from "../core/router";
import "../style/run.css";
import { GridView } from "./grid";
import { Header } from "./header";
import { isOver, RunModel } from "./model";
import { Overview } from "./overview";
import { Artifacts, Events, Parameters } from "./rest";
import * as state from "./state";
import { TableView } from "./steps-table";
import { replay, Tenor, useMomentKeys } from "./tenor";
import { TimelineView } from "./timeline";

type View = { model: RunModel };
const RadarView = lazy<View>(() => import("../drawing/views").then((of) => of.RadarView));
const GraphView = lazy<View>(() => import("../drawing/views").then((of) => of.GraphView));
const StepPanel = lazy<{ run: Run; step: string; model: RunModel }>(() => import("../step/panel").then((of) => of.StepPanel));
const LogView = lazy<{ run: Run; step?: string; attempt?: number }>(() => import("../parts/log").then((of) => of.LogView));

const STEPS = ["radar", "graph", "timeline", "table", "grid"] as const;
const REST = ["logs", "artifacts", "events", "parameters"] as const;
const CAMERAS = ["radar", "graph"];
const KEPT = "motet-view";
const capital = (of: string) => of.charAt(0).toUpperCase() + of.slice(1);

function usual(): string {
  const kept = localStorage.getItem(KEPT);
  return kept && (STEPS as readonly string[]).includes(kept) ? kept : innerWidth < 600 ? "table" : "radar";
}

/** Where a view of the run is, with the selection, the moment and the rest of what is shared. */
const viewAddress = (run: string, view: string) => address(`/runs/${encodeURIComponent(run)}/${view}`, Object.fromEntries(new URLSearchParams(location.search)));

function Tabs({ run, view }: { run: string; view: string }) {
  const tab = (each: string) => (
    <a key={each} role="tab" aria-selected={each === view} href={`/runs/${encodeURIComponent(run)}/${each}`} onClick={(event) => { event.preventDefault(); go(viewAddress(run, each)); }}>{capital(each)}</a>
  );
  return <div role="tablist" aria-label="Views" class="tabs">{STEPS.map(tab)}<span class="part" role="presentation" />{REST.map(tab)}</div>;
}

export function RunPage({ run, view }: { run: string; view?: string }) {
  const model = useMemo(() => new RunModel(run), [run]);
  useEffect(() => model.start(), [model]);
  const shown = view ?? usual();
  const critical = useSignal(true), fold = useSignal(true), log = useSignal(false);
  const found = model.run.value, error = model.error.value;
  useEffect(() => {
    if (view && (STEPS as readonly string[]).includes(view)) localStorage.setItem(KEPT, view);
  }, [view]);
  useEffect(() => { if (found && isOver(found)) announce(`${found.name} ${found.status}`); }, [found?.status]);
  useMomentKeys(model);
  useKeys("Views", [
    ...STEPS.map((each, index) => ({ keys: String(index + 1), words: capital(each), act: () => go(viewAddress(run, each)) })),
    { keys: "l", words: "log", act: () => { log.value = !log.value; } },
    { keys: "Escape", words: "one step back", act: back },
  ]);
  if (!found) return error ? <div class="page-head"><h1>{run}</h1><Failed what="" error={error} again={() => model.anew()} /></div> : <Loading words="Reading the run" />;

  const of = model.picture.value;
  const isView = (STEPS as readonly string[]).includes(shown);
  const asked = state.selection.value, step = asked && model.resolve(asked);
  const going = !isOver(found);
  return (
    <div class="run">
      <Header model={model} above={model.above.value} />
      <Tenor model={model} />
      <nav class="run-tabs">
        <Tabs run={run} view={shown} />
        <div class="row options">
          {CAMERAS.includes(shown) && (of.planned || going) && (
            <Segments label="Steps" options={[["actual", "Actual"], ["planned", "Planned too"]]} value={(state.planned.value ?? going) ? "planned" : "actual"} onChange={(to) => { state.planned.value = (to === "planned") === going ? null : to === "planned"; }} />
          )}
          {shown === "timeline" && <Button pressed={critical.value} onClick={() => { critical.value = !critical.value; }}>Critical path</Button>}
          {shown === "timeline" && <Button pressed={fold.value} onClick={() => { fold.value = !fold.value; }}>Fold idle time</Button>}
          {state.window.value && <Button icon="close" onClick={() => { state.window.value = null; }}>All of the time</Button>}
          {isView && <input type="search" class="steps-find" placeholder="Steps" aria-label="Find steps" value={state.filter.value.text} onInput={(event) => { state.filter.value = { ...state.filter.peek(), text: event.currentTarget.value }; }} />}
          {isView && <span class="wide"><Button icon="play" onClick={() => replay(model)}>Replay</Button></span>}
        </div>
      </nav>
      {error && <div class="line-note" role="status">Not up to date: {error.what}</div>}
      <div class={`run-body${step && isView ? " with-step" : ""}`}>
        <div class="stage" role="tabpanel" aria-label={capital(shown)}>
          {isView && !model.ready.value ? <Loading words="Reading the steps" /> : of.n === 0 && isView ? <p class="note i2">{going ? "The run has begun and has no steps yet." : "It ended without a step."}</p> : <Shown view={shown} model={model} run={found} critical={critical.value} fold={fold.value} />}
        </div>
        {isView && <aside class="side" aria-label={step ? `Step ${step}` : "The run"}>{asked && !step && <p class="note t-failed" role="alert">There is no one step {asked}.</p>}{step ? <StepPanel run={found} step={step} model={model} /> : <Overview model={model} />}</aside>}
      </div>
      {isView && (
        <footer class="dock">
          <div class="row"><Button plain icon="log" pressed={log.value} onClick={() => { log.value = !log.value; }}>Log</Button><span class="i3 cut">{step ? `of ${step}` : `of ${found.name}`}</span></div>
          {log.value && <div class="dock-log"><LogView run={found} {...(step ? { step } : {})} /></div>}
        </footer>
      )}
    </div>
  );
}

function Shown({ view, model, run, critical, fold }: View & { view: string; run: Run; critical: boolean; fold: boolean }) {
  switch (view) {
    case "radar": return <RadarView model={model} />;
    case "graph": return <GraphView model={model} />;
    case "timeline": return <TimelineView model={model} critical={critical} fold={fold} />;
    case "table": return <TableView model={model} />;
    case "grid": return <GridView model={model} />;
    case "logs": return <LogView run={run} />;
    case "artifacts": return <Artifacts model={model} />;
    case "events": return <Events model={model} />;
    case "parameters": return <Parameters model={model} />;
    default: return <p class="note">A run has no view {view}. <a href={`/runs/${run.name}`}>Radar</a></p>;
  }
}

/** Undo one thing at a time: the selection, then the moment, then the window, then the filter. */
function back(): void {
  if (state.selection.peek()) state.selection.value = null;
  else if (state.moment.peek() !== null) state.moment.value = null;
  else if (state.window.peek()) state.window.value = null;
  else state.filter.value = { text: "", statuses: new Set() };
}
