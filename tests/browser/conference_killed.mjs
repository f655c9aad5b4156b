// The founder's node, which forwards, is killed in the middle of the call: the others go on, its guests come back through
// another entry, and whoever has the link still gets in.
import { check, figure, full, join_, percentile, startBrowser, until, wait } from "./conference_lab.mjs";
import { meet } from "./conference_mesh.mjs";

/** In a page: since when no picture of `count` others has moved, sampled every 20 ms; resolves once all move again. */
const gap = async (others) => {
  const begin = performance.now();
  const last = new Map();
  const times = () => {
    for (const tile of document.querySelectorAll("figure.tile")) {
      const video = tile.querySelector("video");
      if (video && others.includes(tile.querySelector(".name")?.textContent)) last.set(tile.querySelector(".name").textContent, video.getVideoPlaybackQuality().totalVideoFrames);
    }
    return new Map(last);
  };
  let known = times();
  const movedAt = new Map(others.map((name) => [name, begin]));
  const worst = new Map(others.map((name) => [name, 0]));
  while (performance.now() - begin < 6000) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = times();
    for (const name of others) {
      if (now.get(name) === known.get(name)) worst.set(name, Math.max(worst.get(name), performance.now() - movedAt.get(name)));
      else movedAt.set(name, performance.now());
    }
    known = now;
  }
  return Math.max(...worst.values());
};

export async function killed() {
  const kills = full ? 20 : 2;
  const gaps = [], returns = [];
  for (let i = 0; i < kills; ++i) {
    // Little uplink for the others, much for the founder: it has to forward.
    const { seed, nodes, browsers, guests, pages, address, server } = await meet({ firefox: false, configs: ["uplink_mbit = 100\n", "uplink_mbit = 2\n", "uplink_mbit = 2\n"] });
    await wait(3000);
    const remaining = { Jonas: ["Mei"], Mei: ["Jonas"] };
    const watching = Object.entries(remaining).map(([name, others]) => pages[name].evaluate(`(${gap})(${JSON.stringify(others)})`));
    await wait(500);
    const begin = performance.now();
    await nodes[0].end("SIGKILL");
    const back = until(() => pages.Fox.evaluate("window.session.state === 'connected'").then((on) => on && performance.now() - begin > 1500), 15, "the guest is back").then(() => performance.now() - begin);
    gaps.push(...(await Promise.all(watching)));
    returns.push(await back);
    const newcomer = await guests.open(address);
    const joined = await join_(newcomer, "Late", "picture").then(() => true, (error) => String(error));
    check("a newcomer gets in by the link after the founder's node is dead", joined === true, joined);
    for (const browser of [...browsers, guests]) await browser.close();
    for (const node of [seed, ...nodes]) await node.end("SIGKILL");
    server.close();
  }
  figure(`founder's node killed ${kills} times: others' pictures stand still p50 ${Math.round(percentile(gaps, 0.5))} ms, p95 ${Math.round(percentile(gaps, 0.95))} ms; guests back after p50 ${Math.round(percentile(returns, 0.5))} ms, max ${Math.round(Math.max(...returns))} ms`);
  check("the others' pictures move again within 1 s (p95)", percentile(gaps, 0.95) <= 1000, gaps.map(Math.round).join(" "));
  check("guests are back within 3 s", Math.max(...returns) <= 3000, returns.map(Math.round).join(" "));
}
