import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

// One file that works from any server and from a disk: nothing is fetched, the worker comes from a Blob.
export default defineConfig({
  plugins: [viteSingleFile()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", modulePreload: false, cssCodeSplit: false, reportCompressedSize: true },
  worker: { format: "iife" },
});
