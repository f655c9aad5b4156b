// Three real nodes that find each other by the conference's public key alone, three Chromiums and a Firefox guest:
// everybody sees and hears everybody, as smoothly as the same browsers directly connected.
import { check, copyLink, figure, fragmentOf, full, join_, Node, startBrowser, startConference, startStatic, statsOf, until, wait } from "./conference_lab.mjs";

const names = ["Amara", "Jonas", "Mei", "Fox"];

/** Founder, two who knock and are let in, a guest by link. Used by the other parts as well. */
export async function meet({ firefox = true, configs = [] } = {}) {
  const seed = await Node.start("seed");
  const nodes = [];
  for (const [i, name] of ["founder", "second", "third"].entries()) nodes.push(await Node.start(name, ["--bootstrap", seed.address], configs[i]));
  await until(async () => (await Promise.all(nodes.map((node) => node.call("status")))).every(({ dht }) => dht.published), 60, "the nodes are in the network");

  const browsers = [];
  for (const _ of nodes) browsers.push(await startBrowser("chromium"));
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
  const guests = await startBrowser(firefox ? "firefox" : "chromium");
  const guest = await guests.open(address);
  await join_(guest, names[3], "connected");
  pages[names[3]] = guest;
  return { seed, nodes, browsers, guests, pages, link, address, server, key };
}

/** The same browsers, pair by pair directly connected: what the machine itself allows. */
const loop = async (seconds) => {
  const a = new RTCPeerConnection(), b = new RTCPeerConnection();
  a.onicecandidate = ({ candidate }) => candidate && b.addIceCandidate(candidate);
  b.onicecandidate = ({ candidate }) => candidate && a.addIceCandidate(candidate);
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  // Three times, as in a conference of four.
  for (let i = 0; i < 3; ++i) for (const track of stream.clone().getTracks()) a.addTransceiver(track, { direction: "sendonly" });
  const elements = [];
  b.ontrack = ({ track }) => {
    if (track.kind !== "video") return;
    const video = Object.assign(document.createElement("video"), { srcObject: new MediaStream([track]), muted: true, autoplay: true });
    document.body.append(video);
    elements.push(video);
  };
  await a.setLocalDescription(await a.createOffer());
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription(await b.createAnswer());
  await a.setRemoteDescription(b.localDescription);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const freezes = async () => [...(await b.getStats()).values()].filter((each) => each.type === "inbound-rtp" && each.kind === "video").reduce((sum, each) => sum + (each.freezeCount ?? 0), 0);
  const before = await freezes();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const out = (await freezes()) - before;
  a.close();
  b.close();
  return out;
};

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
  let freezes = 0, refused = 0, unopened = 0, opened = 0;
  for (const [name, now] of Object.entries(after)) {
    for (const [who, video] of Object.entries(now.video)) {
      const frames = video.frames - (before[name].video[who]?.frames ?? 0);
      check(`${name} decodes ${who} throughout`, frames >= 9 * seconds, `${frames} frames in ${seconds} s`);
    }
    check(`${name} sees the three others`, Object.keys(now.video).length >= 3);
    check(`${name} hears`, now.audioPackets - before[name].audioPackets >= 40 * seconds);
    freezes += now.freezes - before[name].freezes;
    refused += now.worker.refused - before[name].worker.refused;
    unopened += now.worker.unopened - before[name].worker.unopened;
    opened += now.worker.opened - before[name].worker.opened;
  }
  check("no frame fails to decrypt", refused + unopened === 0, `${refused} refused, ${unopened} without a key`);
  for (const page of Object.values(pages)) await page.evaluate("window.session.leave()");

  const origin = server.url;
  let control = 0;
  const runs = [...browsers, guests].map(async (browser) => {
    const page = await browser.open(origin);
    control += await page.evaluate(`(${loop})(${seconds})`);
  });
  await Promise.all(runs);
  figure(`three nodes, three Chromiums, one Firefox, ${seconds} s: ${opened} frames opened, ${refused + unopened} not, ${freezes} freezes; directly connected browsers: ${control} freezes`);
  check("no more freezes than the same browsers directly connected", freezes <= control, `${freezes} against ${control}`);
  server.close();
}
