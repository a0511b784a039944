// The page begins here: which address shows which page, and what stands around all of them.
import { render, type ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import * as live from "./core/live";
import { match, path, start as follow } from "./core/router";
import { LiveRegion } from "./shell/announce";
import * as keys from "./shell/keys";
import { lazy } from "./shell/lazy";
import { Notices } from "./shell/notices";
import * as theme from "./shell/theme";
import { KeyList, questions, TopBar } from "./shell/topbar";
import "./style/tokens.css";
import "./style/shell.css";

type Page = ComponentType<Record<string, string>>;
const page = (load: () => Promise<unknown>) => lazy(load as () => Promise<Page>);

const Runs = page(() => import("./runs/page").then((of) => of.RunsPage));
const Run = page(() => import("./run/frame").then((of) => of.RunPage));
const Workflows = page(() => import("./workflows/page").then((of) => of.WorkflowsPage));
const Events = page(() => import("./events/page").then((of) => of.EventsPage));
const Waiting = page(() => import("./waiting/page").then((of) => of.WaitingPage));
const Artifacts = page(() => import("./artifacts/page").then((of) => of.ArtifactsPage));
const Compare = page(() => import("./compare/page").then((of) => of.ComparePage));

/** Which page an address shows. What `:name` stands for is given to the page under that name. */
const ROUTES: readonly (readonly [string, Page, string])[] = [
  ["/", Runs, "Runs"],
  ["/runs", Runs, "Runs"],
  ["/runs/:run", Run, ""],
  ["/runs/:run/:view", Run, ""],
  ["/workflows", Workflows, "Workflows"],
  ["/workflows/:voice/:name", Workflows, ""],
  ["/workflows/:voice/:name/:tab", Workflows, ""],
  ["/events", Events, "Events"],
  ["/waiting", Waiting, "Waiting"],
  ["/waiting/:id", Waiting, "Waiting"],
  ["/artifacts", Artifacts, "Artifacts"],
  ["/artifacts/:digest", Artifacts, "Artifact"],
  ["/artifacts/:digest/:tab", Artifacts, "Artifact"],
  ["/compare", Compare, "Compare"],
];

function Nothing() {
  return <p class="note">There is nothing at this address. <a href="/runs">All runs</a></p>;
}

function routed(at: string): { Page: Page; given: Record<string, string>; name: string } {
  for (const [pattern, Page, name] of ROUTES) {
    const given = match(pattern, at);
    if (given) return { Page, given, name: name || given.run || given.name || "" };
  }
  return { Page: Nothing, given: {}, name: "" };
}

function App() {
  const { Page, given, name } = routed(path.value);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(Page);
  const waits = questions.value ? `(${questions.value}) ` : "";
  useEffect(() => {
    document.title = `${waits}${name ? `${name} · ` : ""}Motet`;
  }, [name, waits]);
  useEffect(() => {
    if (shown.current !== Page) main.current?.focus();
    shown.current = Page;
  }, [Page]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>To the page</a>
      <TopBar />
      <Notices />
      <main id="main" ref={main} tabIndex={-1}><Page key={path.value.split("/").slice(0, 3).join("/")} {...given} /></main>
      <KeyList />
      <LiveRegion />
    </>
  );
}

theme.start();
follow();
keys.start();
live.start();
const root = document.getElementById("page");
if (root) render(<App />, root);
