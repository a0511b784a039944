// The bar above every page: where to go, how many questions wait, find, how the page stands to the server, the theme.
import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { connection, heardAt } from "../core/live";
import { go, path } from "../core/router";
import { useWaiting } from "../core/waiting";
import { clock, many } from "../core/words";
import { Button, Menu } from "../parts/controls";
import { NameMark } from "../parts/icons";
import { announce } from "./announce";
import { Find } from "./find";
import { groups, letters, listed, setLetters, useKeys } from "./keys";
import { theme, toggle } from "./theme";

const PAGES = [
  ["/runs", "Runs", "r"], ["/workflows", "Workflows", "w"], ["/events", "Events", "e"], ["/waiting", "Waiting", "q"],
  ["/artifacts", "Artifacts", "a"], ["/compare", "Compare", "c"],
] as const;

/** How many questions wait for a person. */
export const questions = signal(0);
const section = computed(() => `/${path.value.split("/")[1] ?? ""}`);

function useQuestions(): void {
  const waits = useWaiting();
  useEffect(() => {
    const asked = (waits.value?.waits ?? []).filter((each) => each.for === "answer");
    if (asked.length > questions.peek()) announce(`${many(asked.length, "question")} for you`);
    questions.value = asked.length;
  }, [waits.value]);
}

function Online() {
  const state = connection.value;
  const words = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "No connection" }[state];
  return (
    <span class={state === "live" ? "online" : "online lost"} title={`as of ${clock(heardAt.value)}`}>
      <i aria-hidden />
      <span>{words}</span>
    </span>
  );
}

function Links() {
  return (
    <>
      {PAGES.map(([href, words]) => (
        <a key={href} href={href} aria-current={section.value === href ? "page" : undefined}>
          {words}
          {href === "/waiting" && questions.value > 0 && <span class="count">{questions.value}</span>}
        </a>
      ))}
    </>
  );
}

export function TopBar() {
  useQuestions();
  useKeys("Everywhere", [
    ...PAGES.map(([href, words, letter]) => ({ keys: `g ${letter}`, words, act: () => go(href) })),
    { keys: "d", words: "Light or dark", act: toggle },
    { keys: "?", words: "All keys", act: () => (listed.value = !listed.value) },
  ]);
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <header class="top">
      <a class="brand" href="/runs" aria-label="Motet"><NameMark /><span>Motet</span></a>
      <nav aria-label="Pages"><Links /></nav>
      <div class="narrow">
        <Menu label="More pages">
          {PAGES.filter(([href]) => href !== "/runs" && href !== "/waiting").map(([href, words]) => <a key={href} class="button" href={href}>{words}</a>)}
        </Menu>
      </div>
      <div class="end">
        <Find />
        <Online />
        <Button plain icon={theme.value} label={`Show it ${other}`} onClick={toggle} />
      </div>
    </header>
  );
}

/** All keys that act here, and whether single letters do. */
export function KeyList() {
  return listed.value ? <Listed /> : null;
}

function Listed() {
  useKeys("This list", [{ keys: "Escape", words: "Close", act: () => (listed.value = false) }], true);
  return (
    <section class="keys" aria-label="Keys">
      <div class="row"><h2 class="grow">Keys</h2><Button plain icon="close" label="Close" onClick={() => (listed.value = false)} /></div>
      {groups.value.filter((each) => each.keys.length).map((group, index) => (
        <dl key={index} aria-label={group.name}>
          {group.keys.map((each) => (
            <><dt><kbd>{each.keys}</kbd></dt><dd>{each.words}</dd></>
          ))}
        </dl>
      ))}
      <label class="row"><input type="checkbox" checked={letters.value} onChange={(event) => setLetters(event.currentTarget.checked)} /> Single letters act</label>
    </section>
  );
}
