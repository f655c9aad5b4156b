// What the conference tests run on: real nodes with profiles of their own, real browsers, a plain file server, and what
// a person does with the page.
import { spawn } from "node:child_process";
import { createServer, request } from "node:http";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

export const program = process.env.CONCLAVE_PROGRAM ?? "build/release/conclave";
export const full = process.env.CONCLAVE_TEST_MODE === "full";
export const temporary = mkdtempSync(join(tmpdir(), "conclave-conference-"));
export const pageFile = new URL("../../web/dist/index.html", import.meta.url).pathname;
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];

let passed = 0, failed = 0;
const skips = [];
export function check(what, holds, detail = "") {
  if (holds) ++passed;
  else ++failed, console.log(`FAILED: ${what} ${detail}`);
  return holds;
}
export const skip = (reason) => skips.push(reason);
export const figure = (text) => console.log(`figure ${text}`);
/** Prints the counts; the exit code. */
export function finish() {
  for (const reason of skips) console.log(`skipped 1: ${reason}`);
  if (passed) console.log(`passed ${passed} (conferences with real browsers)`);
  if (failed) console.log(`failed ${failed} (conferences with real browsers)`);
  return failed ? 1 : 0;
}

/** Until `what` gives something true; its value. Throws when the time is over. */
export async function until(what, seconds, name) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const value = await what();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${name}`);
    await wait(100);
  }
}

const environment = { ...process.env, XDG_CONFIG_HOME: "/nonexistent", CONCLAVE_PASSPHRASE: undefined };
const nodes = new Set();

/** A running `conclave run`; in a network namespace of that name where `inside` is given. */
export class Node {
  static async start(name, options = [], config = "", inside = "") {
    const node = new Node();
    node.name = name;
    node.inside = inside;
    // Of its own, whatever its name: another part's node knew other conferences.
    node.profile = mkdtempSync(join(temporary, `${name}-`));
    node.options = options;
    node.config = config && `${node.profile}.toml`;
    if (config) writeFileSync(node.config, config);
    await node.run();
    return node;
  }

  async run() {
    const config = this.config ? ["--config", this.config] : [];
    const log = process.env.CONCLAVE_TEST_LOG ? ["--log-level", process.env.CONCLAVE_TEST_LOG] : [];
    const command = [...(this.inside ? ["ip", "netns", "exec", this.inside] : []), program, ...config, ...log, "run", "--json", "--profile", this.profile, "--no-lan", "--no-map-port", ...this.options];
    this.process = spawn(command[0], command.slice(1),
      { stdio: ["ignore", "pipe", process.env.CONCLAVE_TEST_LOG ? "inherit" : "ignore"], env: environment });
    nodes.add(this);
    this.process.once("exit", () => nodes.delete(this));
    const first = await new Promise((resolve, reject) => {
      createInterface({ input: this.process.stdout }).once("line", resolve);
      this.process.once("exit", (code) => reject(new Error(`${this.name} ended with ${code}`)));
    });
    this.ready = JSON.parse(first).data;
    this.url = this.ready.page;
  }

  /** A method of the local API, asked as the page would. */
  async call(method, params = {}) {
    const { origin, hash } = new URL(this.url);
    const token = new URLSearchParams(hash.slice(1)).get("token");
    const answer = await fetch(`${origin}/api`, {
      method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ id: 1, method, params }),
    });
    const { result, error } = await answer.json();
    if (error) throw new Error(`${method} at ${this.name}: ${error.message} ${error.hint ?? ""}`);
    return result;
  }

  /** The same over its socket in the file system, which no namespace hides. */
  async ask(method, params = {}) {
    const body = JSON.stringify({ id: 1, method, params });
    const text = await new Promise((resolve, reject) => {
      const asking = request({ socketPath: join(this.profile, "api.sock"), path: "/api", method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
        let all = "";
        answer.on("data", (some) => (all += some)).on("end", () => resolve(all));
      });
      asking.on("error", reject).end(body);
    });
    const { result, error } = JSON.parse(text);
    if (error) throw new Error(`${method} at ${this.name}: ${error.message} ${error.hint ?? ""}`);
    return result;
  }

  get address() {
    return this.ready.addresses.find((address) => address.includes("/udp/"));
  }

  async end(signal = "SIGTERM") {
    if (!nodes.has(this)) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    await ended;
  }
}
/** Frames that the nodes of this run saw of their pages: with their member's seal, and in clear. */
export const framesSeen = { sealed: 0, clear: 0 };
export const endNodes = () => Promise.all([...nodes].map(async (node) => {
  const given = await node.call("calls.given").catch(() => null);
  framesSeen.sealed += given?.frames_sealed ?? 0;
  framesSeen.clear += given?.frames_clear ?? 0;
  await node.end("SIGKILL");
}));

export const chromiumFlags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream=fps=15",
  "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required"];
export const firefoxPrefs = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false, "media.peerconnection.ice.loopback": true,
  "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0 };

/** Cameras as small as in the tables: two cores have many browsers to carry. */
const smallCamera = `
  if (navigator.mediaDevices) {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (what) =>
      real(what.video ? { ...what, video: { width: 320, height: 180, frameRate: 15 } } : what);
  }`;

/** And windows: these machines paint without a graphics card. */
const viewport = { width: 800, height: 500 };

const browsers = new Set();
let launched = 0;
/** A program that starts Chromium in a network namespace. */
function chromiumInside(namespace) {
  const path = join(temporary, `chromium-in-${namespace}`);
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${namespace} /usr/bin/chromium "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/**
 * Pages of one real browser: `open(url)` gives a page with evaluate, click and the like. Chromium's flags: `more` of them,
 * `without` some; Firefox's `prefs` over the usual ones. `inside` a
 * network namespace.
 */
export async function startBrowser(kind, more = [], { without = [], prefs = {}, inside = "" } = {}) {
  if (kind === "firefox") {
    const firefox = await puppeteer.launch({ browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true,
      extraPrefsFirefox: { ...firefoxPrefs, ...prefs } });
    browsers.add(firefox);
    return {
      kind,
      async open(url, script = "") {
        const page = await firefox.newPage();
        await page.setViewport(viewport);
        await page.evaluateOnNewDocument(smallCamera + script);
        await page.goto(url);
        return page;
      },
      close: () => (browsers.delete(firefox), firefox.close()),
    };
  }
  const context = await chromium.launchPersistentContext(join(temporary, `chromium-${++launched}`), {
    executablePath: inside ? chromiumInside(inside) : "/usr/bin/chromium", headless: true, viewport,
    args: [...chromiumFlags.filter((flag) => !without.includes(flag)), ...more] });
  // In a namespace of its own there is no server: the page comes as from a cache.
  if (inside) await context.route("http://localhost/**", (route) => route.fulfill({ contentType: "text/html", body: readFileSync(pageFile) }));
  await context.addInitScript(smallCamera);
  browsers.add(context);
  return {
    kind,
    async open(url, script = "") {
      const page = await context.newPage();
      if (script) await page.addInitScript(script);
      page.on("pageerror", (error) => console.log(`page: ${error.message}`));
      if (process.env.CONCLAVE_TEST_LOG) page.on("console", (message) => console.log(`console: ${message.text()}`));
      await page.goto(url);
      return page;
    },
    close: () => (browsers.delete(context), context.close()),
  };
}
export const endBrowsers = () => Promise.all([...browsers].map((browser) => browser.close().catch(() => {})));

/** A plain file server that knows nothing of conferences. */
export async function startStatic(file = pageFile) {
  const html = readFileSync(file);
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

export function cleanUp() {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
}

// --- what a person does ---

/** Runs in the page: presses Join once the camera is there; gives the time from the press until `what` holds. */
const pressJoin = async (name, waitFor, patienceMs) => {
  const until = async (what, ms) => {
    const end = performance.now() + ms;
    for (;;) {
      const value = what();
      if (value) return value;
      if (performance.now() > end) return null;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  if (!(await until(() => document.querySelector("#join"), 10_000))) throw new Error("no pre-join: " + document.body.innerText.slice(0, 200));
  await until(() => document.querySelector(".mirror video")?.videoWidth > 0 || document.querySelector(".trouble"), 8_000);
  const input = document.querySelector("#name");
  input.value = name;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const begin = (window.pressed = performance.now());
  document.querySelector("#join").click();
  const conditions = {
    connected: () => window.session?.state === "connected",
    waiting: () => ["waiting", "connected"].includes(window.session?.state),
    // Somebody else's picture is on the screen: a frame was decoded and handed to a tile.
    picture: () => [...document.querySelectorAll("figure.tile")].some((tile) =>
      tile.dataset.member !== window.session?.conference.id && tile.querySelector("video")?.videoWidth > 0),
  };
  const done = await until(conditions[waitFor], patienceMs);
  const trouble = [...document.querySelectorAll(".trouble, .banner")].map((each) => each.textContent).join(" ");
  if (!done) throw new Error(`no ${waitFor}: session ${window.session?.state}; the page says: ${trouble || document.body.innerText.slice(0, 200)}`);
  return performance.now() - begin;
};
export const join_ = (page, name, waitFor = "connected", patienceMs = 15_000) =>
  page.evaluate(`(${pressJoin})(${JSON.stringify(name)}, ${JSON.stringify(waitFor)}, ${patienceMs})`);
/** In the page: resolves when `id` is heard and seen there, their frames opened and a picture in their tile; the wall clock then. */
const met = async (id) => {
  const { conference } = window.session;
  for (;;) {
    const slots = [...conference.speaksIn.values()].filter((who) => who === id).length;
    if (slots >= 2 && document.querySelector(`figure.tile[data-member="${id}"] video`)?.videoWidth > 0) return performance.timeOrigin + performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
/** Milliseconds from the press of Join at `guest` until both pages see and hear each other. */
export async function untilBothMeet(guest, other) {
  const ids = await Promise.all([guest, other].map((page) => page.evaluate("window.session.conference.id")));
  const pressed = await guest.evaluate("performance.timeOrigin + window.pressed");
  const both = Promise.all([guest.evaluate(`(${met})("${ids[1]}")`), other.evaluate(`(${met})("${ids[0]}")`)]);
  const times = await Promise.race([both, wait(15_000).then(() => [Infinity])]);
  return Math.max(...times) - pressed;
}
export const leave = (page) => page.evaluate("window.session.leave()");

/** The owner's page of `node`, in a conference that it starts; its invite link as the dialog shows it. */
export async function startConference(browser, node, name) {
  const page = await browser.open(node.url);
  await page.waitForSelector("#start");
  await page.evaluate("document.querySelector('#start').click()");
  await join_(page, name);
  return page;
}
export async function copyLink(page) {
  await page.evaluate("document.querySelector('button[aria-label=\"Invite\"]').click()");
  await page.waitForSelector("#invite-link");
  const link = await page.evaluate("document.querySelector('#invite-link').value");
  await page.evaluate("document.querySelector('.panel header button').click()");
  return link;
}
export const fragmentOf = (link) => link.slice(link.indexOf("#"));

/** What the browser itself and the page's worker count, in one object. */
const readStats = async () => {
  const out = { video: {}, framesDecoded: 0, freezes: 0, audioPackets: 0, audioEnergy: 0, lost: 0, concealed: 0, samples: 0, sent: {}, members: 0 };
  const slots = Object.fromEntries([...window.session.shown].map(([who, { mid }]) => [mid, who]));
  for (const each of ((await window.session.stats()) ?? new Map()).values()) {
    if (each.type === "inbound-rtp" && each.kind === "video" && each.framesDecoded > 0) {
      out.framesDecoded += each.framesDecoded;
      out.freezes += each.freezeCount ?? 0;
      out.lost += each.packetsLost ?? 0;
      out.video[slots[each.mid] ?? `mid ${each.mid}`] = { frames: each.framesDecoded, height: each.frameHeight, freezes: each.freezeCount ?? 0, pli: each.pliCount, nack: each.nackCount };
    }
    if (each.type === "inbound-rtp" && each.kind === "audio" && each.packetsReceived > 0) {
      out.audioPackets += each.packetsReceived;
      out.audioEnergy += each.totalAudioEnergy ?? 0;
      out.concealed += each.concealedSamples ?? 0;
      out.samples += each.totalSamplesReceived ?? 0;
    }
    if (each.type === "outbound-rtp" && each.kind === "video" && each.framesEncoded > 0) out.sent[each.rid ?? each.mid] = each.framesEncoded;
  }
  out.worker = await window.session.conference.figures();
  out.members = window.session.conference.members().size;
  return out;
};
export const statsOf = (page) => page.evaluate(`(${readStats})()`);
