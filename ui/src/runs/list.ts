// The runs that a query finds, newest first: read by key, a page when it is wanted, and kept true as things happen.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, at, get, type Query } from "../core/api";
import { settled } from "../core/acts";
import { onChanges } from "../core/live";
import type { Change, Run, RunList } from "../core/types";

const PAGE = 100;
const MOMENT_MS = 400;
const FEW = 20;

export interface Listed {
  runs: readonly Run[];
  /** there are more than are here */
  more: boolean;
  /** nothing was answered yet */
  loading: boolean;
  error: ApiError | null;
  /** how long the first page took, in milliseconds */
  took: number;
  /** runs that came meanwhile and are not shown, while the reader is not at the top */
  fresh: number;
  /** read the next page */
  further(): void;
  /** show what came, and read anew */
  again(): void;
}

interface State {
  runs: Run[];
  next: string | null;
  loading: boolean;
  error: ApiError | null;
  took: number;
  held: Run[];
}

const EMPTY: State = { runs: [], next: null, loading: true, error: null, took: 0, held: [] };

/** The rows with those that were read again in their places, and, at the beginning, those that were not there. */
export function merged(rows: readonly Run[], read: readonly Run[]): { rows: Run[]; fresh: Run[] } {
  const byId = new Map(read.map((each) => [each.id, each]));
  const known = new Set(rows.map((each) => each.id));
  const oldest = rows.at(-1)?.created_at ?? Number.NEGATIVE_INFINITY;
  const fresh = read.filter((each) => !known.has(each.id) && (rows.length < PAGE || each.created_at >= oldest));
  return { rows: rows.map((each) => byId.get(each.id) ?? each), fresh };
}

const newestFirst = (rows: Run[]) => rows.sort((a, b) => b.created_at - a.created_at);

/** A page of runs: what was looked through without a find is gone over. */
async function page(query: Query, cursor: string | null, signal: AbortSignal): Promise<RunList> {
  let found: RunList = { runs: [], next: cursor };
  do {
    const read = await get<RunList>("/runs", { ...query, limit: PAGE, cursor: found.next }, signal);
    found = { runs: [...found.runs, ...read.runs], next: read.next };
  } while (found.next && found.runs.length < PAGE / 2);
  return found;
}

/** The runs of that query. `isAtTop` says whether new ones may be shown as they come. */
export function useRuns(query: Query, isAtTop: () => boolean): Listed {
  const [state, setState] = useState<State>(EMPTY);
  const [round, setRound] = useState(0);
  const live = useRef({ state, reading: false, isAtTop });
  live.current.state = state;
  live.current.isAtTop = isAtTop;
  const key = JSON.stringify(query);
  const asked = useMemo(() => query, [key]);
  const stopped = useRef<AbortController>(new AbortController());

  useEffect(() => {
    const own = new AbortController();
    stopped.current = own;
    const began = performance.now();
    live.current.reading = true;
    page(asked, null, own.signal).then(
      (found) => {
        live.current.reading = false;
        setState({ ...EMPTY, runs: found.runs, next: found.next, loading: false, took: performance.now() - began });
      },
      (error: unknown) => {
        live.current.reading = false;
        if (!own.signal.aborted) setState({ ...EMPTY, loading: false, error: error as ApiError });
      },
    );
    const off = follow(own.signal, asked, (change) => setState((before) => change(before, live.current.isAtTop())), () => live.current.state.runs);
    return () => {
      own.abort();
      off();
    };
  }, [key, round]);

  const further = () => {
    if (live.current.reading || !state.next) return;
    live.current.reading = true;
    page(asked, state.next, stopped.current.signal).then(
      (found) => {
        live.current.reading = false;
        setState((before) => {
          const known = new Set(before.runs.map((each) => each.id));
          return { ...before, runs: [...before.runs, ...found.runs.filter((each) => !known.has(each.id))], next: found.next };
        });
      },
      () => {
        live.current.reading = false;
      },
    );
  };
  return {
    runs: state.runs, more: state.next !== null, loading: state.loading, error: state.error, took: state.took,
    fresh: state.held.length, further, again: () => setRound((before) => before + 1),
  };
}

/** Follow what happens: read the first page again, and of the others those runs that something happened in. */
function follow(
  signal: AbortSignal, query: Query, change: (how: (before: State, isAtTop: boolean) => State) => void, shown: () => readonly Run[],
): () => void {
  let touched = new Set<string>();
  let timer = 0;
  const read = async () => {
    timer = 0;
    const runs = touched;
    touched = new Set();
    try {
      const first = await get<RunList>("/runs", { ...query, limit: PAGE }, signal);
      const there = new Set(first.runs.map((each) => each.id));
      const others = shown().filter((each) => runs.has(each.id) && !there.has(each.id)).slice(0, FEW);
      const again = await Promise.all(others.map((each) => get<Run>(at`/runs/${each.id}`, {}, signal)));
      for (const each of runs) settled(each);
      change((before, isAtTop) => {
        const { rows, fresh } = merged(before.runs, [...first.runs, ...again]);
        if (isAtTop) return { ...before, runs: newestFirst([...fresh, ...rows]), held: [] };
        return { ...before, runs: rows, held: fresh };
      });
    } catch {
      return; // the connection says so; the next change reads again
    }
  };
  const told = (changes: Change[]) => {
    for (const each of changes) touched.add(each.run);
    timer ||= setTimeout(() => void read(), MOMENT_MS) as unknown as number;
  };
  const off = onChanges(told);
  return () => {
    clearTimeout(timer);
    off();
  };
}
