// What stands in the place of what is not there: nothing yet, nothing at all, or what went wrong.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../core/api";
import { Button } from "./controls";

/** What could not be read, why, and a way to try again. */
export function Failed({ what, error, again }: { what: string; error: ApiError; again?: () => void }) {
  if (error.status === 401) return null; // a line above the page says so
  return (
    <div class="note bad" role="alert">
      <p>
        {what} {error.what} {error.cure && <span class="i2">{error.cure}</span>}
      </p>
      {again && <Button onClick={again}>Try again</Button>}
    </div>
  );
}

/** Nothing for 200 ms, then nothing but space; after 2 s words. */
export function Loading({ words = "Reading" }: { words?: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 2000);
    return () => clearTimeout(timer);
  }, []);
  return <p class="note i3">{late ? words : " "}</p>;
}

/** A sentence where a list has nothing. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="note i2">{children}</div>;
}
