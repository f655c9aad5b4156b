// The traps of calls with browsers, each by itself (docs/calls.md, docs/webrtc.md).
import { check, copyLink, figure, fragmentOf, framesSeen, full, join_, Node, startBrowser, startConference, startStatic, statsOf, until, wait } from "./conference_lab.mjs";

async function lines(page, who) {
  const found = await page.evaluate(`(() => {
    const { pc } = window.session.connection;
    return pc.getTransceivers().map((each) => ({
      direction: each.direction, current: each.currentDirection, mid: each.mid,
      sends: !!each.sender.transform, receives: !!each.receiver.transform,
    }));
  })()`);
  check(`${who}: only sendonly and recvonly lines`, found.length >= 15 && found.every(({ direction, current }) => direction === current && /^(sendonly|recvonly)$/.test(direction)), JSON.stringify(found));
  check(`${who}: every sender and every receiver has its transform`, found.every(({ direction, sends, receives }) => (direction === "sendonly" ? sends : receives)), JSON.stringify(found));
}

/** The node knows one cipher, which both browsers take. */
async function cipher(page, who) {
  const used = await page.evaluate(`(async () => {
    const all = [...(await window.session.stats()).values()];
    return all.filter((each) => each.type === "transport").map((each) => each.srtpCipher ?? null);
  })()`);
  check(`${who}: SRTP is AES-128-GCM`, used.length > 0 && used.every((name) => /AEAD_AES_128_GCM$/.test(name)), JSON.stringify(used));
}

/** A camera of another size than the tests' usual one. */
const camera = (width, height) => `
  navigator.mediaDevices.getUserMedia = ((real) => (what) =>
    real(what.video ? { ...what, video: { width: ${width}, height: ${height}, frameRate: 15 } } : what))(MediaDevices.prototype.getUserMedia.bind(navigator.mediaDevices));`;

/** How many layers leave: none smaller than 144 lines, and three only of a picture that has them. */
async function layers(browser, address) {
  for (const [width, height, most] of [[320, 180, 1], [640, 360, 2], [1280, 720, 3]]) {
    const page = await browser.open(address, camera(width, height));
    await join_(page, "Layers", "connected");
    await wait(2500);
    const { sent } = await statsOf(page);
    check(`a camera of ${height} lines is sent in at most ${most} layers, the smallest always`, sent.q > 0 && Object.keys(sent).length <= most, JSON.stringify(sent));
    await page.evaluate("window.session.leave()");
    await page.close();
  }
}

const framesAt = async (node) => {
  const given = await node.call("calls.given");
  return { sealed: given.frames_sealed, clear: given.frames_clear };
};

/** Each browser with microphone and camera: the other opens and decodes everything, and the node saw no clear frame, the first one included. */
async function acrossBrowsers(owner, fox, node) {
  await until(async () => (await statsOf(fox)).framesDecoded > 15 && (await statsOf(fox)).audioPackets > 50, 15, "firefox sees and hears");
  await until(async () => Object.values((await statsOf(owner)).video).some(({ frames }) => frames > 15) && (await statsOf(owner)).audioPackets > 50, 15, "chromium sees and hears firefox");
  for (const [who, page] of [["chromium", owner], ["firefox", fox]]) {
    const { worker } = await statsOf(page);
    check(`${who} opens what the other browser sealed`, worker.opened > 50 && worker.refused === 0, JSON.stringify(worker));
  }
  const { sealed, clear } = await framesAt(node);
  check("the node saw frames of both browsers, none in clear", sealed > 100 && clear === 0, `${sealed} sealed, ${clear} clear`);
}

export async function traps() {
  const node = await Node.start("host");
  const first = await startBrowser("chromium");
  const owner = await startConference(first, node, "Amara");
  const fragment = fragmentOf(await copyLink(owner));
  const server = await startStatic();
  const address = server.url + fragment;
  await lines(owner, "chromium");
  await cipher(owner, "chromium");
  const firefox = await startBrowser("firefox");
  // Firefox sends its first audio packet in clear where a live track is given too early: many first packets.
  const count = full ? 50 : 4;
  for (let i = 0; i < count; ++i) {
    const before = await framesAt(node);
    const fox = await firefox.open(address);
    await join_(fox, "Fox", "connected");
    if (i === 0) {
      await lines(fox, "firefox");
      await cipher(fox, "firefox");
      await acrossBrowsers(owner, fox, node);
    } else {
      await wait(700);
    }
    await fox.evaluate("window.session.leave()");
    await fox.close();
    const { sealed, clear } = await framesAt(node);
    check("firefox's frames are sealed from the first one on", clear === before.clear && sealed > before.sealed, `${sealed - before.sealed} sealed, ${clear - before.clear} clear`);
  }
  figure(`firefox, ${count} joins, first packets included: ${JSON.stringify(await framesAt(node))} frames at the node`);
  await layers(first, address);
  server.close();
}

/**
 * Many microphones, and a camera of each browser, for as long as it takes: CONCLAVE_TEST_FRAMES frames at the node (full:
 * a million), none in clear. Each page has a conference to itself: what it sends is what counts, and nobody need listen.
 */
export async function sealed() {
  const wanted = Number(process.env.CONCLAVE_TEST_FRAMES ?? (full ? 1_000_000 : 10_000));
  const node = await Node.start("host");
  const server = await startStatic();
  // Without echo cancelling and the like, which cost more than all the rest and change nothing of the frames' way.
  const plain = `
    navigator.mediaDevices.getUserMedia = ((real) => (what) => real({ ...what,
      audio: what.audio && { echoCancellation: false, noiseSuppression: false, autoGainControl: false } }))
      (navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));`;
  const soundAlone = `
    navigator.mediaDevices.getUserMedia = ((real) => (what) => what.video ? Promise.reject(new DOMException("no", "NotFoundError")) : real(what))
      (navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));`;
  const browsers = [await startBrowser("chromium"), await startBrowser("firefox")];
  const pagesEach = 14, roundSeconds = 240;
  const begin = performance.now();
  let joins = 0;
  for (let frames = 0; frames < wanted; frames = (await framesAt(node)).sealed) {
    // Anew every four minutes: first packets count as well.
    const pages = [];
    for (let i = 0; i < pagesEach; ++i) {
      for (const browser of browsers) {
        const { conference } = await node.ask("calls.create", { lasting: false });
        await node.ask("calls.enter", { conference });
        const { link } = await node.ask("calls.invite", { conference, members_max: 2 });
        const page = await browser.open(server.url + fragmentOf(link), i === 0 ? plain : plain + soundAlone);
        // Both processors are full of pages: how long a join takes here is of no interest.
        await join_(page, `${browser.kind} ${++joins}`, "connected", 60_000);
        pages.push(page);
      }
    }
    for (let second = 0; second < roundSeconds && (await framesAt(node)).sealed < wanted; ++second) await wait(1000);
    for (const page of pages) {
      await page.evaluate("window.session.leave()");
      await page.close();
    }
  }
  server.close();
  const { sealed, clear } = await framesAt(node);
  figure(`${sealed + clear} frames of ${joins} joins by Chromium and Firefox in ${Math.round((performance.now() - begin) / 1000)} s, seen by their node: ${clear} without their member's seal`);
  check("no clear frame", clear === 0 && sealed >= wanted, `${clear} clear, ${sealed} sealed`);
}
