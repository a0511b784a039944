// One table of keys: each page and view says which of its acts have keys while it is shown; "?" lists them all.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

/** An act with its keys: "g r" is one after the other, "Shift+x" together, "ArrowDown" as browsers name it. */
export interface Key {
  keys: string;
  words: string;
  act: (event: KeyboardEvent) => void;
}

/** A group of keys, of a page or a view; what was added last goes first. */
interface Group {
  name: string;
  /** goes before all others, whenever these were added */
  over: boolean;
  keys: readonly Key[];
}

/** All groups that hold now, for the list of keys. */
export const groups = signal<readonly Group[]>([]);
/** Whether the list of keys is shown. */
export const listed = signal(false);

const KEPT = "motet-letters";
/** Whether single letters act; a reader may turn them off. */
export const letters = signal(localStorage.getItem(KEPT) !== "off");
export function setLetters(on: boolean): void {
  letters.value = on;
  localStorage.setItem(KEPT, on ? "on" : "off");
}

const CHORD_MS = 1200;
let first = "";
let firstAt = 0;

const named = (event: KeyboardEvent): string => {
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  return control + shift + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
};

/** Whether the event is of somebody who writes. */
export function isTyping(event: KeyboardEvent): boolean {
  const of = event.target as HTMLElement | null;
  if (!of?.matches) return false;
  return of.isContentEditable || of.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=range])");
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const key = named(event);
  if (isTyping(event) && !key.startsWith("Ctrl+")) return;
  if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !letters.peek()) return;
  const chord = first && Date.now() - firstAt < CHORD_MS ? `${first} ${key}` : "";
  const inOrder = [...groups.peek()].reverse().sort((a, b) => Number(b.over) - Number(a.over));
  const all = inOrder.flatMap((each) => each.keys);
  const found = (chord && all.find((each) => each.keys.split(", ").includes(chord))) || all.find((each) => each.keys.split(", ").includes(key));
  first = "";
  if (found) {
    const own = (event.target as Element | null)?.closest?.("button, a, summary, [role=button]");
    if (own && (key === "Enter" || key === " ")) return; // the control that has the focus acts
    event.preventDefault();
    found.act(event);
  } else if (all.some((each) => each.keys.startsWith(`${key} `))) {
    first = key;
    firstAt = Date.now();
  }
}

/** Follow the keyboard; called once. */
export function start(): void {
  addEventListener("keydown", press);
}

/**
 * Let these keys act while the component is shown. Those of what was shown later go before others; those of what lies
 * `over` the page before all.
 */
export function useKeys(name: string, keys: readonly Key[], over = false): void {
  const live = useRef(keys);
  live.current = keys;
  useEffect(() => {
    const group: Group = {
      name,
      over,
      get keys() {
        return live.current;
      },
    };
    groups.value = [...groups.peek(), group];
    return () => {
      groups.value = groups.peek().filter((each) => each !== group);
    };
  }, [name]);
}
