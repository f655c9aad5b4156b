import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

// One file that works from any server and from a disk: nothing is fetched, the worker comes from a Blob.
export default defineConfig({
  plugins: [viteSingleFile()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { target: "es2022", modulePreload: false, cssCodeSplit: false, reportCompressedSize: true },
  worker: { format: "iife" },
  // Builds for the blind test (tests/browser/conference_blind.mjs) mark each frame, and one of them leaves it in clear to
  // show that the search finds what is there. In the page that is delivered both are off, and their code is gone.
  define: {
    TEST_MARKER: JSON.stringify(process.env.CONCLAVE_TEST_MARKER ?? ""),
    TEST_CLEAR: JSON.stringify(process.env.CONCLAVE_TEST_CLEAR === "1"),
  },
});
