// Real browsers against endpoint_peer: both connect by an answer they built themselves, data channel 0 echoes,
// media of each is decoded by the other. Usage: node endpoint.mjs PEER_PROGRAM [CONNECTS]
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";

const [program, connectsText] = process.argv.slice(2);
const connects = Number(connectsText || 100);
const pageScript = readFileSync(new URL("endpoint_page.js", import.meta.url), "utf8");
const temporary = mkdtempSync(join(tmpdir(), "conclave-endpoint-"));

let passed = 0;
const failures = [];
function check(what, holds, detail = "") {
  if (holds) ++passed;
  else failures.push(`${what} ${detail}`);
}

export const chromiumFlags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection"];
export const firefoxPrefs = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false, "media.peerconnection.ice.loopback": true,
  "media.autoplay.default": 0 };

async function startPeer(loss = 0) {
  const peer = spawn(program, [String(loss)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: peer.stdout });
  const link = await new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line)));
    peer.once("exit", (code) => reject(new Error(`the peer ended with ${code}`)));
  });
  lines.on("line", (line) => console.log(line));
  // Firefox takes loopback only where there is no other interface: the machine's own address is named as well.
  link.ips = ["127.0.0.1", ...Object.values(networkInterfaces()).flat().filter((x) => x.family === "IPv4" && !x.internal).map((x) => x.address)];
  return { link, end: () => new Promise((resolve) => { peer.once("exit", resolve); peer.stdin.end(); }) };
}

/** One page in each browser; `call(page, name, ...args)` runs a function of endpoint_page.js there. */
async function startBrowsers(url) {
  const chrome = await chromium.launchPersistentContext(join(temporary, "chromium"), {
    executablePath: "/usr/bin/chromium", headless: true, args: chromiumFlags });
  const firefox = await puppeteer.launch({ browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true,
    extraPrefsFirefox: firefoxPrefs, userDataDir: undefined });
  const pages = { chromium: await chrome.newPage(), firefox: await firefox.newPage() };
  for (const page of Object.values(pages)) await page.goto(url);
  return { pages, open: { chromium: () => chrome.newPage(), firefox: () => firefox.newPage() },
    close: async () => { await chrome.close(); await firefox.close(); } };
}

const call = (page, name, ...args) =>
  page.evaluate(`${name}(...${JSON.stringify(args)})`);

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];

async function connectTest(name, page, link) {
  const times = [], echoes = [];
  let good = 0, ufrag = 0, firstError = "";
  for (let i = 0; i < connects; ++i) {
    try {
      // Every tenth lets the node be the DTLS server, which meets the browser's fragmented ClientHello.
      const result = await call(page, "oneConnect", link, { pageIsClient: i % 10 === 9 });
      times.push(result.connectMs);
      echoes.push(result.echoMs);
      ufrag = result.ufragLength;
      if (result.echo) ++good;
    } catch (error) {
      firstError ||= String(error);
    }
  }
  check(`${name} connects`, good === connects, `${good} of ${connects}: ${firstError}`);
  console.log(`figure ${name}: ${good} of ${connects} connects with a ufrag of ${ufrag} characters, ` +
    `p50 ${Math.round(percentile(times, 0.5))} ms, p95 ${Math.round(percentile(times, 0.95))} ms; ` +
    `echo p50 ${percentile(echoes, 0.5)?.toFixed(1)} ms`);
}

const leave = (page) => page.evaluate("window.joined.pc.close()");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function mediaTest(what, pages, link, seconds) {
  for (const [name, page] of Object.entries(pages)) {
    await call(page, "joinWithMedia", link, { simulcast: true });
    check(`${name} joins with media`, true);
  }
  await wait(3000);
  const before = {};
  for (const [name, page] of Object.entries(pages)) before[name] = await call(page, "mediaStats");
  await wait(seconds * 1000);
  for (const [name, page] of Object.entries(pages)) {
    const stats = await call(page, "mediaStats");
    const frames = stats.framesDecoded - before[name].framesDecoded;
    const audio = stats.audioPackets - before[name].audioPackets;
    check(`${what}: ${name} decodes the other's video`, frames >= 10 * seconds, JSON.stringify(stats));
    check(`${what}: ${name} hears the other`, audio >= 40 * seconds, JSON.stringify(stats));
    console.log(`figure ${what}: ${name} in ${seconds} s: ${frames} frames decoded (${stats.width} wide), ${stats.freezes} freezes, ` +
      `${audio} audio packets, ${stats.packetsLost} lost; sends rids ${JSON.stringify(stats.sent)}, ` +
      `estimate ${stats.available} kbit/s, ${stats.pli} PLI, ${stats.nack} NACK`);
  }
}

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/html");
  response.end(`<!doctype html><title>endpoint</title><script>${pageScript}</script>`);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browsers = await startBrowsers(`http://localhost:${server.address().port}/`);
try {
  let peer = await startPeer();
  for (const [name, page] of Object.entries(browsers.pages)) await connectTest(name, page, peer.link);
  await mediaTest("no loss", browsers.pages, peer.link, 15);
  for (const page of Object.values(browsers.pages)) await leave(page);
  await peer.end();
  // Every hop loses one packet in twenty: retransmissions in both directions have to mend it.
  peer = await startPeer(0.05);
  for (const page of Object.values(browsers.pages)) await page.reload();
  await mediaTest("5 % loss each way", browsers.pages, peer.link, 15);
  await peer.end();
} catch (error) {
  failures.push(String(error.stack || error));
} finally {
  await browsers.close();
  server.close();
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
}
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length ? `failed ${failures.length} (endpoint with real browsers)` : `passed ${passed} (endpoint with real browsers)`);
process.exit(failures.length ? 1 : 0);
