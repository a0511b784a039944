// A part of the page whose code is loaded when it is first shown.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading } from "../parts/state";

/** The component that `load` gives; in its place nothing until it is there, then what went wrong. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, setState] = useState(0);
    const [lost, setLost] = useState(false);
    useEffect(() => {
      if (found) return;
      load().then(
        (component) => {
          found = component;
          setState(1);
        },
        () => setLost(true),
      );
    }, []);
    if (lost) return <p class="note bad" role="alert">Motet was updated. <a href="">Reload</a></p>;
    const Found = found;
    return Found ? <Found {...props} /> : <Loading />;
  };
}
