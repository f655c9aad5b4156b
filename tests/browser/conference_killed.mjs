// The founder's node, which forwards, is killed in the middle of the call: the others go on, its guest comes back through
// another entry, and whoever has the link still gets in. New nodes and a new conference for each kill.
import { check, figure, full, join_, percentile, startBrowser, statsOf, until, wait } from "./conference_lab.mjs";
import { meet } from "./conference_mesh.mjs";

/** More than one's own picture and sound, less than twice as much: it goes out once, and whoever has room passes it on. */
const narrow = "uplink_mbit = 0.28\n";
const wide = "uplink_mbit = 100\n";

/** A guest's page that enters by the link's first entry, the founder's, and has no camera. */
const guestScript = `
  Math.random = () => 0;
  {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (what) => what.video ? Promise.reject(new DOMException("no", "NotFoundError")) : real(what);
  }`;

/**
 * Runs in a page: watches the pictures of `others` for `seconds`. The longest that one of them stood still, and when all
 * of them moved again by another entry than the one at the start (ms since the epoch, null if never).
 */
const watch = async (others, seconds) => {
  const entry = () => String(window.session.conference.node);
  const first = entry();
  const end = performance.now() + seconds * 1000;
  const seen = new Map(others.map((name) => [name, { frames: -1, at: performance.now(), worst: 0, elsewhere: false }]));
  let back = null;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = performance.now();
    const moved = entry() !== first && window.session.state === "connected";
    for (const tile of document.querySelectorAll("figure.tile")) {
      const one = seen.get(tile.querySelector(".name")?.textContent);
      const video = tile.querySelector("video");
      if (!one || !video) continue;
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      // A tile that is given another stream counts from nought: that is no picture.
      if (frames > one.frames && one.frames >= 0) {
        one.at = now;
        one.elsewhere = moved;
      }
      one.frames = frames;
    }
    for (const one of seen.values()) one.worst = Math.max(one.worst, now - one.at);
    if (back === null && [...seen.values()].every((one) => one.elsewhere)) back = Date.now();
  }
  return { worst: Math.max(...[...seen.values()].map((one) => one.worst)), back };
};

/** How often a member's packets leave its node, as a multiple of what its page sends. */
async function copies(node, page, seconds) {
  const sent = async () => {
    const { packets_to_nodes } = await node.call("calls.given");
    const stats = await page.evaluate(`(async () => {
      let sent = 0;
      for (const each of (await window.session.stats()).values()) if (each.type === "outbound-rtp") sent += each.packetsSent;
      return sent;
    })()`);
    return { nodes: packets_to_nodes, page: stats };
  };
  const before = await sent();
  await wait(seconds * 1000);
  const after = await sent();
  return (after.nodes - before.nodes) / (after.page - before.page);
}

async function once(own, guests, gaps, returns) {
  const { seed, nodes, pages, address, server } = await meet({ script: guestScript, own, guests, configs: [wide, narrow, narrow] });
  try {
    const sees = { Jonas: ["Mei"], Mei: ["Jonas"], Fox: ["Jonas", "Mei"] };
    await until(async () => (await statsOf(pages.Fox)).framesDecoded > 0 && (await statsOf(pages.Jonas)).framesDecoded > 0, 15, "everybody sees somebody");
    await wait(3000);
    const spread = await copies(nodes[1], pages.Jonas, 2);
    check("the founder's node forwards: the others send once", spread < 1.5, `${spread.toFixed(2)} copies`);
    const watching = Object.entries(sees).map(([name, others]) => pages[name].evaluate(`(${watch})(${JSON.stringify(others)}, 7)`).then((seen) => [name, seen]));
    await wait(500);
    const begin = Date.now();
    await nodes[0].end("SIGKILL");
    const seen = Object.fromEntries(await Promise.all(watching));
    gaps.push(seen.Jonas.worst, seen.Mei.worst);
    returns.push(seen.Fox.back === null ? Infinity : seen.Fox.back - begin);
    const newcomer = await guests.open(address, guestScript);
    const joined = await join_(newcomer, "Late", "picture").then(() => true, (error) => String(error));
    check("a newcomer gets in by the link after the founder's node is dead", joined === true, joined);
    await newcomer.close();
    console.log(`kill: stood still ${Math.round(seen.Jonas.worst)} and ${Math.round(seen.Mei.worst)} ms, guest back after ${returns.at(-1)} ms, ${spread.toFixed(2)} copies`);
  } finally {
    for (const page of Object.values(pages)) await page.close().catch(() => {});
    await Promise.all([seed, ...nodes].map((node) => node.end("SIGKILL")));
    server.close();
  }
}

export async function killed() {
  const kills = Number(process.env.CONCLAVE_TEST_KILLS ?? (full ? 20 : 2));
  const gaps = [], returns = [], own = [];
  const guests = await startBrowser("chromium");
  for (let i = 0; i < kills; ++i) await once(own, guests, gaps, returns);
  figure(`founder's node killed ${kills} times: others' pictures stand still p50 ${Math.round(percentile(gaps, 0.5))} ms, p95 ${Math.round(percentile(gaps, 0.95))} ms, max ${Math.round(Math.max(...gaps))} ms; guests see all again after p50 ${Math.round(percentile(returns, 0.5))} ms, max ${Math.round(Math.max(...returns))} ms`);
  check("the others' pictures move again within 1 s (p95)", percentile(gaps, 0.95) <= 1000, gaps.map(Math.round).join(" "));
  check("guests are back within 3 s", Math.max(...returns) <= 3000, returns.map(Math.round).join(" "));
}
