// Bad networks under a whole conference of real browsers and real nodes: page, node, node, page, each in a network
// namespace of its own, and between them lines that lose and delay every packet (tests/lab/path.cpp). Both pages are
// guests, so that no hop is a loopback: three hops, each as bad as the line says.
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { check, endBrowsers, endNodes, figure, fragmentOf, full, join_, Node, skip, startBrowser, statsOf, until, wait } from "./conference_lab.mjs";

const pathProgram = process.env.CONCLAVE_LAB_PATH ?? "build/release/lab_path";
const places = ["page1", "node1", "node2", "page2"].map((name, i) => ({ name, namespace: `conclave-${process.pid}-${name}`, ip: `10.99.0.${i + 1}` }));
const ip = (...words) => execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });

/** Four places in a row, and the lines between them. */
class Line {
  static async start() {
    const line = new Line();
    for (const { namespace } of places) ip("netns", "add", namespace);
    line.process = spawn(pathProgram, places.map(({ namespace, ip }) => `${namespace}=${ip}`), { stdio: ["pipe", "pipe", "inherit"] });
    line.lines = createInterface({ input: line.process.stdout })[Symbol.asyncIterator]();
    await line.lines.next();
    return line;
  }
  /** Every hop, both ways: the share lost, and the round trip of the three hops together. */
  set(loss, rttMs) {
    // A quarter of the way on each of the pages' hops, half between the nodes.
    const delays = [rttMs / 8, rttMs / 4, rttMs / 8];
    for (let i = 0; i < 3; ++i)
      for (const [from, to] of [[i, i + 1], [i + 1, i]])
        this.process.stdin.write(`path ${places[from].ip} ${places[to].ip} loss ${loss} delay ${delays[i]}\n`);
  }
  async stats() {
    this.process.stdin.write("stats\n");
    return JSON.parse((await this.lines.next()).value);
  }
  async end() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin.end();
    await ended;
    for (const { namespace } of places) ip("netns", "delete", namespace);
  }
}

/** Two guests, each through a node of its own. */
async function meet() {
  const [page1, node1, node2, page2] = places;
  const first = await Node.start("node1", [], "", node1.namespace);
  const second = await Node.start("node2", ["--bootstrap", first.address], "", node2.namespace);
  const { conference } = await first.ask("calls.create", { name: "bad lines" });
  await first.ask("calls.enter", { conference });
  const invite = async () => (await first.ask("calls.invite", { conference, members_max: 16 })).link;
  const alone = await invite();
  await second.ask("calls.enter", { conference });
  // Links name the ways in through all nodes; each page can reach only one of them.
  const link = await until(async () => {
    const both = await invite();
    return both.length > alone.length + 80 ? both : null;
  }, 60, "the second node is in the conference");
  const pages = [];
  for (const place of [page1, page2]) {
    const browser = await startBrowser("chromium", [], { inside: place.namespace });
    const page = await browser.open(`http://localhost/${fragmentOf(link)}`);
    await join_(page, place.name, "connected");
    pages.push(page);
  }
  await until(async () => (await Promise.all(pages.map(statsOf))).every((each) => each.framesDecoded > 30 && each.audioPackets > 100), 60, "both see and hear each other");
  return { nodes: [first, second], pages };
}

const difference = (after, before) => ({
  freezes: after.freezes - before.freezes,
  frames: after.framesDecoded - before.framesDecoded,
  concealed: (after.concealed - before.concealed) / Math.max(1, after.samples - before.samples),
  refused: after.worker.refused - before.worker.refused,
  repeated: after.worker.repeated - before.worker.repeated,
  unopened: after.worker.unopened - before.worker.unopened,
});

async function measure(line, pages, loss, rttMs, seconds) {
  line.set(loss, rttMs);
  await wait(12_000);  // buffers and redundancy find their measure
  await line.stats();
  const before = await Promise.all(pages.map(statsOf));
  await wait(seconds * 1000);
  const after = await Promise.all(pages.map(statsOf));
  const out = after.map((each, i) => difference(each, before[i]));
  const hops = await line.stats();
  const lost = hops.reduce((sum, each) => sum + each.lost, 0) / hops.reduce((sum, each) => sum + each.packets, 0);
  for (const [i, each] of out.entries())
    figure(`every hop loses ${(100 * loss).toFixed(0)} % (${(100 * lost).toFixed(1)} % since the start), ${rttMs} ms, ${seconds} s: page ${i + 1} decodes ${each.frames} frames, ` +
      `${each.freezes} freezes, ${(100 * each.concealed).toFixed(2)} % of the audio concealed, ${each.refused} frames refused, ${each.repeated} came twice`);
  return out;
}

export async function lossy() {
  if (process.getuid() !== 0 || !existsSync("/dev/net/tun")) return skip("lines that lose need root and /dev/net/tun");
  const line = await Line.start();
  try {
    line.set(0, 10);
    const { pages } = await meet();
    const control = await measure(line, pages, 0, 80, full ? 30 : 10);
    check("without loss nothing freezes", control.every((each) => each.freezes === 0), JSON.stringify(control));
    const seconds = Number(process.env.CONCLAVE_LOSSY_SECONDS ?? (full ? 120 : 30));
    const tenth = await measure(line, pages, 0.1, 80, seconds);
    check("a tenth lost on every hop at 80 ms: at most 1 % of the audio concealed", tenth.every((each) => each.concealed <= 0.01), JSON.stringify(tenth));
    check("a tenth lost on every hop at 80 ms: at most a freeze a minute", tenth.every((each) => each.freezes <= Math.ceil(seconds / 60)), JSON.stringify(tenth));
    if (process.env.CONCLAVE_LOSSY_ONLY === "tenth") return;
    const twentieth = await measure(line, pages, 0.05, 200, full ? 300 : 30);
    check("a twentieth lost on every hop at 200 ms: no freeze", twentieth.every((each) => each.freezes === 0), JSON.stringify(twentieth));
  } finally {
    await endBrowsers();
    await endNodes();
    await line.end();
  }
}
