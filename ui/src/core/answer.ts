// What the server answers, kept for a component: asked again when what it depends on changes or something happens.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";
import { onChanges } from "./live";
import type { Change } from "./types";

export interface Answer<T> {
  /** what was answered last; stays while it is asked anew */
  value: T | undefined;
  /** what went wrong the last time */
  error: ApiError | null;
  /** nothing was answered yet */
  loading: boolean;
  again(): void;
}

const LEAST_MS = 250;

function wrong(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, error instanceof Error ? error.message : String(error), "");
}

/**
 * Ask, and keep the answer. Asked anew when one of `depends` changes, and when something happens for which `when` is
 * true (never, where it is not given), at most four times a second: what comes meanwhile is answered together.
 */
export function useAnswer<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  depends: readonly unknown[],
  when?: (changes: Change[]) => boolean,
): Answer<T> {
  const [state, setState] = useState<{ value: T | undefined; error: ApiError | null; of: string }>({
    value: undefined, error: null, of: "",
  });
  const of = JSON.stringify(depends);
  const live = useRef({ ask, when, again: () => {} });
  live.current.ask = ask;
  live.current.when = when;

  useEffect(() => {
    let stopped: AbortController | null = null;
    let timer = 0;
    let asking = false;
    let pending = false;
    let over = false;

    const run = async () => {
      asking = true;
      pending = false;
      stopped = new AbortController();
      try {
        const value = await live.current.ask(stopped.signal);
        if (!over) setState({ value, error: null, of });
      } catch (error) {
        if (!over) setState((before) => ({ value: before.of === of ? before.value : undefined, error: wrong(error), of }));
      }
      asking = false;
      if (pending && !over) later();
    };
    const later = () => {
      pending = true;
      if (!asking && !timer) {
        timer = setTimeout(() => {
          timer = 0;
          void run();
        }, LEAST_MS) as unknown as number;
      }
    };
    live.current.again = () => {
      if (asking) pending = true;
      else void run();
    };
    void run();
    const off = onChanges((changes) => {
      if (live.current.when?.(changes)) later();
    });
    return () => {
      over = true;
      clearTimeout(timer);
      stopped?.abort();
      off();
    };
  }, [of]);

  const ours = state.of === of;
  return {
    value: state.value,
    error: ours ? state.error : null,
    loading: !ours && state.value === undefined,
    again: () => live.current.again(),
  };
}
