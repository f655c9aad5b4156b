// Conferences of real nodes and real browsers, from start to end as people do it.
// Usage: node conference.mjs [PART ...]; environment: CONCLAVE_PROGRAM, CONCLAVE_TEST_MODE (normal, full).
import { check, cleanUp, endBrowsers, endNodes, finish } from "./conference_lab.mjs";
import { joins, staticPages } from "./conference_joins.mjs";
import { mesh } from "./conference_mesh.mjs";
import { killed } from "./conference_killed.mjs";
import { removed } from "./conference_removed.mjs";
import { blind } from "./conference_blind.mjs";
import { lossy } from "./conference_lossy.mjs";
import { traps } from "./conference_traps.mjs";

const parts = { joins, static: staticPages, traps, removed, blind, mesh, killed, lossy };
const asked = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (asked.length && !asked.includes(name)) continue;
  console.log(`-- ${name}`);
  try {
    await run();
  } catch (error) {
    check(name, false, String(error.stack ?? error));
  } finally {
    await endBrowsers();
    await endNodes();
  }
}
cleanUp();
process.exit(finish());
