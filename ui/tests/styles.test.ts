// Styles of pages that were looked at stay loaded: what two of them call alike, each would change in the other.
import { expect, test } from "vitest";

const styles = import.meta.glob<string>("../src/style/*.css", { query: "?raw", import: "default", eager: true });

test("no two files style a class of one name", () => {
  const places = new Map<string, Set<string>>();
  for (const [file, text] of Object.entries(styles)) {
    for (const [, name] of text.matchAll(/^\.([a-z][a-z0-9-]*) \{/gm)) {
      places.set(name!, (places.get(name!) ?? new Set()).add(file));
    }
  }
  expect(places.size).toBeGreaterThan(100);
  expect([...places].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files]}`)).toEqual([]);
});
