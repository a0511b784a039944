// Prints what the built page weighs, compressed, and fails above its budgets: for what the first look at any page
// loads, and for all files together, with those that are loaded when something is opened (code, curves, a big drawing).
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_KIB = 80;
const ALL_KIB = 170;
const root = new URL("../src/motet/server/built", import.meta.url).pathname;

const listed = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? listed(path) : [path];
  });

const files = new Map(listed(root).map((path) => [basename(path), readFileSync(path)]));
const weights = new Map([...files].map(([name, body]) => [name, gzipSync(body, { level: 9 }).length / 1024]));
const kib = (of) => `${of.toFixed(1).padStart(7)} KiB`;
const sum = (names) => [...names].reduce((total, name) => total + (weights.get(name) ?? 0), 0);

/** The script and all that it imports at once. */
function closure(name, seen = new Set()) {
  if (seen.has(name) || !files.has(name)) return seen;
  seen.add(name);
  for (const [, other] of String(files.get(name)).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) closure(other, seen);
  return seen;
}

for (const [name, weight] of [...weights].sort((a, b) => b[1] - a[1])) console.log(`${kib(weight)}  ${name}`);
const entry = [...files.keys()].find((each) => String(files.get("index.html")).includes(`src="/assets/${each}"`));
const styles = [...files.keys()].filter((each) => /\.(css|html|svg)$/.test(each));
const pages = [...String(files.get(entry)).matchAll(/import\(\s*[`"]\.\/([^`"]+\.js)[`"]\s*\)/g)].map((each) => each[1]);
const first = pages.map((page) => [sum(new Set([...closure(entry), ...closure(page), ...styles])), page]).sort((a, b) => b[0] - a[0]);
// what `motet show --html` and notebooks draw with is a copy of the drawing: no page loads it
const all = sum([...weights.keys()].filter((name) => name !== "drawing.js"));
console.log(`${kib(all)}  all files, of ${ALL_KIB}`);
console.log(`${kib(first[0]?.[0] ?? 0)}  the first look at a page, at most (${first[0]?.[1]}), of ${FIRST_KIB}`);
process.exit(!pages.length || all > ALL_KIB || first[0][0] > FIRST_KIB ? 1 : 0);
