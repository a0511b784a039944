// Finds anything: runs by name, workflow or id, steps of the run that is shown, workflows, artifacts by hash, pages.
import { useEffect, useRef, useState } from "preact/hooks";
import { at, get } from "../core/api";
import { go, match, path } from "../core/router";
import type { RunList, StepList } from "../core/types";
import { Icon } from "../parts/icons";
import { Mark } from "../parts/marks";
import { useKeys } from "./keys";

interface Hit {
  href: string;
  words: string;
  kind: string;
  status?: string;
}

const PAGES: Hit[] = ["runs", "workflows", "events", "waiting", "artifacts", "compare"].map((each) => ({
  href: `/${each}`, words: each[0]?.toUpperCase() + each.slice(1), kind: "page",
}));

async function found(text: string, signal: AbortSignal): Promise<Hit[]> {
  const pages = PAGES.filter((each) => each.words.toLowerCase().startsWith(text.toLowerCase()));
  const shown = match("/runs/:run", path.peek())?.run ?? match("/runs/:run/:view", path.peek())?.run;
  const [runs, steps, workflows] = await Promise.all([
    get<RunList>("/runs", { text, limit: 8 }, signal).catch(() => ({ runs: [], next: null })),
    shown ? get<StepList>(at`/runs/${shown}/steps`, { text, limit: 6 }, signal).catch(() => null) : null,
    get<{ name: string; voice: string }[]>("/workflows", {}, signal).catch(() => []),
  ]);
  const artifact = /^[0-9a-f]{64}$/.test(text) ? [{ href: `/artifacts/${text}`, words: text.slice(0, 16), kind: "artifact" }] : [];
  return [
    ...artifact,
    ...(steps?.steps ?? []).map((each) => ({
      href: `${path.peek()}?step=${encodeURIComponent(each.key)}`, words: each.name || each.key, kind: `step of ${shown}`, status: each.status,
    })),
    ...runs.runs.map((each) => ({
      href: `/runs/${encodeURIComponent(each.name)}`, words: each.name, kind: each.workflow, status: each.status,
    })),
    ...workflows.filter((each) => each.name.includes(text)).slice(0, 5).map((each) => ({
      href: `/workflows/${encodeURIComponent(each.voice)}/${encodeURIComponent(each.name)}`, words: each.name, kind: "workflow",
    })),
    ...pages,
  ];
}

export function Find() {
  const [text, setText] = useState("");
  const [hits, setHits] = useState<Hit[] | null>(null);
  const [chosen, setChosen] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const focus = () => input.current?.focus();
  useKeys("Everywhere", [{ keys: "/, Ctrl+k", words: "Find anything", act: focus }]);

  useEffect(() => {
    if (!text.trim()) {
      setHits(null);
      return;
    }
    const stopped = new AbortController();
    const timer = setTimeout(() => {
      found(text.trim(), stopped.signal).then(
        (hits) => {
          setHits(hits);
          setChosen(0);
        },
        () => {},
      );
    }, 120);
    return () => {
      clearTimeout(timer);
      stopped.abort();
    };
  }, [text]);

  const close = () => {
    setText("");
    input.current?.blur();
  };
  const open = (hit: Hit | undefined) => {
    if (!hit) return;
    close();
    go(hit.href);
  };
  const press = (event: KeyboardEvent) => {
    const most = (hits?.length ?? 0) - 1;
    if (event.key === "ArrowDown") setChosen(Math.min(most, chosen + 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(0, chosen - 1));
    else if (event.key === "Enter") open(hits?.[chosen]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="find" role="search">
      <div class="box" onClick={focus}>
        <Icon name="find" />
        <input
          ref={input} type="search" value={text} placeholder="Find a run, step, artifact" aria-label="Find anything" role="combobox"
          aria-expanded={hits !== null} aria-controls="found" list={undefined} aria-activedescendant={hits?.length ? `found-${chosen}` : undefined}
          autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={press}
          onBlur={() => setTimeout(() => setHits(null), 150)}
        />
        <kbd aria-hidden>/</kbd>
      </div>
      {hits && (
        <ul class="found" id="found" role="listbox" aria-label="Found">
          {hits.map((hit, index) => (
            <li
              key={hit.href + hit.kind} id={`found-${index}`} role="option" aria-selected={index === chosen}
              onPointerDown={(event) => {
                event.preventDefault();
                open(hit);
              }}
            >
              {hit.status && <Mark status={hit.status} />}
              <span class="cut">{hit.words}</span>
              <span class="kind">{hit.kind}</span>
            </li>
          ))}
          {!hits.length && <li role="option" aria-selected={false} class="i3">Nothing is called so.</li>}
        </ul>
      )}
    </div>
  );
}
