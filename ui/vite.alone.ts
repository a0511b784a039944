// Builds the drawing alone, as one script for files and notebooks: `motet show RUN --html` puts it into what it writes.
import { defineConfig } from "vite";

export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../src/motet/server/built/alone",
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    lib: { entry: "src/drawing/alone.ts", formats: ["iife"], name: "motetDrawing", fileName: () => "drawing.js" },
  },
});
