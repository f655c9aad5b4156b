// Three real nodes that find each other by the conference's public key alone, three Chromiums and a Firefox guest:
// everybody sees and hears everybody, as smoothly as the same browsers directly connected.
import { control } from "./conference_control.mjs";
import { check, copyLink, figure, fragmentOf, full, join_, leave, Node, startBrowser, startConference, startStatic, statsOf, until, wait } from "./conference_lab.mjs";

const names = ["Amara", "Jonas", "Mei", "Fox"];

/**
 * Founder, two who knock and are let in, a guest by link. Used by the other parts as well. `script` runs in the guest's
 * page before anything else; `own` and `guests` are browsers that are there already.
 */
export async function meet({ configs = [], script = "", own = [], guests } = {}) {
  const seed = await Node.start("seed");
  const nodes = await Promise.all(["founder", "second", "third"].map((name, i) =>
    Node.start(name, ["--bootstrap", seed.address], configs[i])));
  await until(async () => (await Promise.all(nodes.map((node) => node.call("status")))).every(({ dht }) => dht.published), 60, "the nodes are in the network");

  const browsers = own;
  while (browsers.length < nodes.length) browsers.push(await startBrowser("chromium"));
  guests ??= await startBrowser("firefox");
  const founder = await startConference(browsers[0], nodes[0], names[0]);
  const [{ conference: key }] = await nodes[0].call("calls.list");

  const pages = { [names[0]]: founder };
  for (const i of [1, 2]) {
    const page = await browsers[i].open(nodes[i].url);
    await page.waitForSelector("#start");
    // By the public key alone, as a person would: into the field, Join.
    await page.evaluate(`{
      const input = document.querySelector("[aria-label='Join by key or link']");
      input.value = ${JSON.stringify(key)};
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }`);
    await wait(100);
    await page.evaluate("document.querySelector(\"[aria-label='Join by key or link']\").form.requestSubmit()");
    await join_(page, names[i], "waiting");
    // The founder lets in who knocks.
    const knocker = await until(() => founder.evaluate(`(async () => {
      const { roster } = window.session.conference;
      return roster.knocking(Date.now()).length > 0;
    })()`), 20, `${names[i]} knocks at the founder's page`);
    check(`${names[i]} found the conference by its key and knocks`, knocker);
    await founder.evaluate("document.querySelector('button[aria-label=\"People\"]').click()");
    await until(() => founder.evaluate("[...document.querySelectorAll('.people .primary')].length > 0"), 5, "the knocker in the list");
    await founder.evaluate("document.querySelector('.people .primary').click()");
    await until(() => page.evaluate("window.session?.state === 'connected' && window.session.conference.admitted()"), 10, `${names[i]} is let in`);
    await founder.evaluate("document.querySelector('.panel header button')?.click()");
    pages[names[i]] = page;
  }
  const link = await copyLink(founder);
  const server = await startStatic();
  const address = server.url + fragmentOf(link);
  const guest = await guests.open(address, script);
  await join_(guest, names[3], "connected");
  pages[names[3]] = guest;
  return { seed, nodes, browsers, guests, pages, link, address, server, key };
}

function table(stats, before, seconds) {
  console.log("who      sees                      frames  height  freezes  worker refused/unopened");
  for (const [name, now] of Object.entries(stats)) {
    for (const [who, video] of Object.entries(now.video)) {
      const was = before[name].video[who] ?? { frames: 0, freezes: 0 };
      console.log(`${name.padEnd(8)} ${who.padEnd(24)} ${String(video.frames - was.frames).padStart(7)} ${String(video.height).padStart(7)} ${String(video.freezes - was.freezes).padStart(8)}  ${now.worker.refused}/${now.worker.unopened}`);
    }
    const heard = now.samples - before[name].samples;
    console.log(`${name.padEnd(8)} hears ${now.audioPackets - before[name].audioPackets} packets in ${seconds} s, ${heard > 0 ? ((100 * (now.concealed - before[name].concealed)) / heard).toFixed(2) : "?"} % concealed; sends ${JSON.stringify(now.sent)}`);
  }
}

export async function mesh() {
  const { pages, server, browsers, guests } = await meet();
  const seconds = full ? 120 : 15;
  const all = async () => Object.fromEntries(await Promise.all(Object.entries(pages).map(async ([name, page]) => [name, await statsOf(page)])));
  await until(async () => Object.values(await all()).every(({ video }) => Object.keys(video).length >= 3), 30, "everybody sees three others");
  await wait(2000);
  const before = await all();
  await wait(seconds * 1000);
  const after = await all();
  table(after, before, seconds);
  let pictures = 0, freezes = 0, refused = 0, unopened = 0, opened = 0;
  for (const [name, now] of Object.entries(after)) {
    for (const [who, video] of Object.entries(now.video)) {
      const frames = video.frames - (before[name].video[who]?.frames ?? 0);
      pictures += frames;
      check(`${name} decodes ${who} throughout`, frames >= 13 * seconds, `${frames} frames in ${seconds} s`);
    }
    check(`${name} sees the three others`, Object.keys(now.video).length >= 3);
    check(`${name} hears`, now.audioPackets - before[name].audioPackets >= 40 * seconds);
    freezes += now.freezes - before[name].freezes;
    refused += now.worker.refused - before[name].worker.refused;
    unopened += now.worker.unopened - before[name].worker.unopened;
    opened += now.worker.opened - before[name].worker.opened;
  }
  check("no frame fails to decrypt", refused + unopened === 0, `${refused} refused, ${unopened} without a key`);
  for (const page of Object.values(pages)) await leave(page);
  for (const page of Object.values(pages)) await page.close();

  const plain = await control([...browsers, guests], server.url, seconds);
  figure(`three nodes, three Chromiums, one Firefox, ${seconds} s: ${opened} frames opened, ${refused + unopened} not, ${pictures} pictures, ${freezes} freezes; directly connected browsers: ${plain.frames} pictures, ${plain.freezes} freezes`);
  check("no more freezes than the same browsers directly connected", freezes <= plain.freezes, `${freezes} against ${plain.freezes}`);
  server.close();
}
