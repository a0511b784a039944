// Asks the server: JSON in, JSON out, by the cookie of this browser. What goes wrong is one kind of error.
import { signal } from "@preact/signals";

/** An answer that is none: what happened and what to do, as the server or the network says. status 0: no answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly what: string,
    readonly cure: string,
  ) {
    super(what);
  }
}

/** Whether the server does not know this browser (any more): the shell then says how to come in. */
export const signedOut = signal(false);

type Value = string | number | boolean | null | undefined;
/** Parameters of a query. Lists repeat the name; null and undefined are left out. */
export type Query = Record<string, Value | readonly Value[]>;

/** The address of a route with its query. */
export function apiPath(route: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, given] of Object.entries(query)) {
    for (const each of Array.isArray(given) ? given : [given]) {
      if (each !== null && each !== undefined) params.append(name, String(each));
    }
  }
  const text = params.toString();
  return `/api/v1${route}${text ? `?${text}` : ""}`;
}

/** A path of the API with its parts encoded: at`/runs/${run}/steps/${key}`. */
export function at(parts: TemplateStringsArray, ...given: string[]): string {
  return String.raw({ raw: parts }, ...given.map((each) => encodeURIComponent(each).replaceAll("%2F", "/")));
}

async function asked(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let answer: Response;
  try {
    answer = await fetch(url, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer.", "`motet open` starts it again. Runs go on without it.");
  }
  if (answer.ok) {
    signedOut.value = false;
    return answer;
  }
  if (answer.status === 401) signedOut.value = true;
  const told: { error?: string; cure?: string } = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, told.error ?? `The server answered ${answer.status}.`, told.cure ?? "");
}

async function json<T>(answer: Response): Promise<T> {
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** GET a route of the API, such as "/runs". Raises ApiError. */
export async function get<T>(route: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return json<T>(await asked("GET", apiPath(route, query), undefined, signal));
}

/** GET a route that does not give JSON. Raises ApiError. */
export async function raw(route: string, query?: Query, signal?: AbortSignal): Promise<Response> {
  return asked("GET", apiPath(route, query), undefined, signal);
}

/** POST to a route of the API. Raises ApiError. */
export async function post<T>(route: string, body?: unknown): Promise<T> {
  return json<T>(await asked("POST", apiPath(route), body));
}

/** PUT to a route of the API. Raises ApiError. */
export async function put<T>(route: string, body: unknown): Promise<T> {
  return json<T>(await asked("PUT", apiPath(route), body));
}

/** DELETE what a route of the API names. Raises ApiError. */
export async function remove<T>(route: string): Promise<T> {
  return json<T>(await asked("DELETE", apiPath(route)));
}
