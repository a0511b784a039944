// One polite live region a page, for failures, questions, ends of runs and the connection: at most one message in 5 s.
import { signal } from "@preact/signals";

const said = signal("");
const LEAST_MS = 5000;
let lastAt = 0;
let timer = 0;

/** Have a screen reader say it soon; of several within 5 s, the last. */
export function announce(words: string): void {
  clearTimeout(timer);
  const wait = Math.max(0, lastAt + LEAST_MS - Date.now());
  timer = setTimeout(() => {
    lastAt = Date.now();
    said.value = words;
  }, wait) as unknown as number;
}

export function LiveRegion() {
  return <div class="sr" role="status" aria-live="polite">{said.value}</div>;
}
