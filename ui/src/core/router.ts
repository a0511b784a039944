// The address is the state: which page is shown, and all of its parameters, are read from it and written to it.
import { batch, computed, signal, type ReadonlySignal } from "@preact/signals";

/** How a parameter is written in the address. `write` gives null for the default, which is left out. */
export interface Codec<T> {
  read(text: string | null): T;
  write(value: T): string | null;
}

/** A parameter of the address: reading `value` in a component or an effect subscribes to it. */
export interface Param<T> {
  value: T;
  peek(): T;
}

export const text: Codec<string> = { read: (of) => of ?? "", write: (of) => of || null };
export const word: Codec<string | null> = { read: (of) => of || null, write: (of) => of || null };
export const number: Codec<number | null> = {
  read: (of) => (of === null || of === "" || Number.isNaN(Number(of)) ? null : Number(of)),
  write: (of) => (of === null ? null : String(of)),
};
export const flag: Codec<boolean> = { read: (of) => of !== null && of !== "0", write: (of) => (of ? "1" : null) };
export const words: Codec<ReadonlySet<string>> = {
  read: (of) => new Set(of ? of.split(",").map(decodeURIComponent) : []),
  write: (of) => (of.size ? [...of].map((each) => encodeURIComponent(each)).join(",") : null),
};

const here = () => (typeof location === "undefined" ? new URL("http://motet/runs") : new URL(location.href));
const parsed = new URLSearchParams(here().search);

/** The path, such as `/runs/quiet-otter/radar`. */
export const path = signal(here().pathname);
/** What comes after `#`, without it. */
export const anchor = signal(here().hash.slice(1));
const search = signal<ReadonlyMap<string, string>>(new Map(parsed));

let waiting: "push" | "replace" | null = null;
let timer = 0;
const REPLACE_MS = 200; // browsers refuse more than a few changes of the address a second

/** The address of the page as it stands, or with these parameters changed (null removes one). */
export function address(to = path.peek(), changed?: Record<string, string | null>): string {
  const kept = new Map(to === path.peek() ? search.peek() : []);
  for (const [name, value] of Object.entries(changed ?? {})) {
    if (value === null) kept.delete(name);
    else kept.set(name, value);
  }
  const query = new URLSearchParams([...kept]).toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return to + (query ? `?${query}` : "");
}

function write(): void {
  const how = waiting;
  waiting = null;
  clearTimeout(timer);
  if (how === "push") history.pushState(null, "", address());
  else if (how) history.replaceState(null, "", address());
}

function note(how: "push" | "replace"): void {
  const first = waiting === null;
  if (how === "push" && waiting !== "push") {
    waiting = "push";
    queueMicrotask(write);
  } else if (first) {
    waiting = "replace";
    timer = setTimeout(write, REPLACE_MS) as unknown as number;
  }
}

/**
 * The parameter of that name. Setting it changes the address: `push` makes an entry of the history (a selection, an
 * opened group), `replace` does not (hovering, panning, dragging).
 */
export function param<T>(name: string, codec: Codec<T>, how: "push" | "replace" = "push"): Param<T> {
  const raw: ReadonlySignal<string | null> = computed(() => search.value.get(name) ?? null);
  const value = computed(() => codec.read(raw.value));
  return {
    get value() {
      return value.value;
    },
    set value(to: T) {
      const written = codec.write(to);
      if (written === raw.peek()) return;
      const changed = new Map(search.peek());
      if (written === null) changed.delete(name);
      else changed.set(name, written);
      search.value = changed;
      note(how);
    },
    peek: () => value.peek(),
  };
}

function read(): void {
  const now = here();
  batch(() => {
    path.value = now.pathname;
    anchor.value = now.hash.slice(1);
    search.value = new Map(now.searchParams);
  });
}

/** Go to an address of the page, such as `/runs?q=status:failed`. */
export function go(to: string, how: "push" | "replace" = "push"): void {
  if (waiting) write();
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  read();
  if (how === "push") scrollTo(0, 0);
}

/** Follow the links of the page and the browser's own buttons; called once. */
export function start(): void {
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link?.href || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/api/") || link.pathname === "/login") return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}

/** The parts of a path that fit `pattern` ("/runs/:run/:view"), decoded; null where it does not fit. */
export function match(pattern: string, of: string): Record<string, string> | null {
  const wanted = pattern.split("/").filter(Boolean);
  const given = of.split("/").filter(Boolean);
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const there = given[index] ?? "";
    if (part.startsWith(":")) {
      try {
        found[part.slice(1)] = decodeURIComponent(there);
      } catch {
        return null;
      }
    } else if (part !== there) return null;
  }
  return found;
}
