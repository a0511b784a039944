// What runs wait for, kept up to date. A question is written down a moment after its step begins, and no event of the
// journal says so: so it is also looked for now and then, while the page is seen.
import { useEffect } from "preact/hooks";
import { useAnswer, type Answer } from "./answer";
import { get } from "./api";
import type { Json } from "./types";

export interface Wait {
  run: string;
  name: string;
  step: string;
  for: "answer" | "event" | "rule";
  since: number | null;
  words: string;
  schema?: { [name: string]: Json } | null;
  description?: string;
  suspended?: boolean;
  refused?: { offset: number; error: string };
  event?: string;
}

const AGAIN_MS = 5_000;

/** Whether what happened may change what waits: a step or a run that begins or ends, an answer. */
const concerns = (key: string) => /^(run|step)\.|wait|answer/.test(key);

/** All that waits, in no order. */
export function useWaiting(): Answer<{ waits: Wait[] }> {
  const told = useAnswer((signal) => get<{ waits: Wait[] }>("/waiting", {}, signal), [], (changes) => changes.some((each) => concerns(each.key)));
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) told.again(); }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return told;
}
