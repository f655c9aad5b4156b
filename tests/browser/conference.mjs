// Conferences of real nodes and real browsers, from start to end as people do it.
// Usage: node conference.mjs [PART ...]; environment: CONCLAVE_PROGRAM, CONCLAVE_TEST_MODE (normal, full). Without a part:
// in normal mode those that a small busy machine does in two minutes, in full mode all.
import { check, cleanUp, endBrowsers, endNodes, figure, finish, framesSeen, full } from "./conference_lab.mjs";
import { joins, staticPages } from "./conference_joins.mjs";
import { mesh } from "./conference_mesh.mjs";
import { killed } from "./conference_killed.mjs";
import { removed } from "./conference_removed.mjs";
import { blind } from "./conference_blind.mjs";
import { lossy } from "./conference_lossy.mjs";
import { sealed, traps } from "./conference_traps.mjs";
import { sentences } from "./conference_sentences.mjs";
import { entries } from "./conference_entries.mjs";

const brief = { joins, static: staticPages, traps, sentences, entries };
const long = { sealed, removed, blind, mesh, killed, lossy };
const all = { ...brief, ...long };
const asked = process.argv.slice(2);
for (const [name, run] of Object.entries(asked.length ? all : full ? all : brief)) {
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
figure(`frames of their pages that the nodes saw in this run: ${framesSeen.sealed} with their member's seal, ${framesSeen.clear} without`);
cleanUp();
process.exit(finish());
