// Prints what the built page weighs, compressed, and fails above its budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = 80;
const root = new URL("../src/motet/server/built", import.meta.url).pathname;

const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });

let total = 0;
for (const path of files(root).sort()) {
  const weight = gzipSync(readFileSync(path), { level: 9 }).length;
  total += weight;
  console.log(`${(weight / 1024).toFixed(1).padStart(7)} KiB  ${path.slice(root.length + 1)}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KiB  in all, of ${BUDGET_KIB}`);
process.exit(total > BUDGET_KIB * 1024 ? 1 : 0);
