// How the page is built: into the package, with hashed names, for a policy that allows this server's own files alone.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../src/motet/server/built",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:4200", "/login": "http://127.0.0.1:4200" } },
  // no measure of speed: a busy machine is no fault of what is tested
  test: { css: true, include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"], environment: "node", testTimeout: 300_000 },
});
