// What the page has to get right with browsers, each by itself (docs/calls.md, docs/webrtc.md), and what it says to people
// when something is missing.
import { check, copyLink, figure, fragmentOf, join_, Node, startBrowser, startConference, startStatic, statsOf, until, wait } from "./conference_lab.mjs";

const reject = (name, kinds) => `
  navigator.mediaDevices.getUserMedia = (what) => ${kinds.map((kind) => `what.${kind}`).join(" || ")}
    ? Promise.reject(new DOMException("no", ${JSON.stringify(name)})) : Promise.reject(new DOMException("no", "NotFoundError"));`;

/** What the page says, in words, when it cannot do all; and that Join is still there. */
async function sentences(origin, fragment) {
  const browser = await startBrowser("chromium", ["--host-resolver-rules=MAP conclave.test 127.0.0.1"]);
  const says = async (what, url, script, words) => {
    const page = await browser.open(url, script);
    const text = await until(async () => {
      const all = await page.evaluate("document.body.innerText");
      return all.includes(words) && all;
    }, 5, what).catch(async () => `instead: ${await page.evaluate("document.body.innerText")}`);
    check(`the page says it: ${what}`, text.includes(words), text.slice(0, 300));
    await page.close();
  };
  await says("camera refused", origin + fragment, reject("NotAllowedError", ["video"]), "Your browser was told not to use the camera");
  await says("microphone refused", origin + fragment, reject("NotAllowedError", ["audio"]), "Your browser was told not to use the microphone");
  await says("no camera", origin + fragment, reject("NotFoundError", ["video"]), "No camera was found");
  await says("camera taken by another program", origin + fragment, reject("NotReadableError", ["video"]), "Another program is using the camera");
  await says("old browser", origin + fragment, "delete window.RTCRtpScriptTransform;", "too old for encrypted conferences");
  await says("no Ed25519", origin + fragment, "crypto.subtle.generateKey = () => Promise.reject(new DOMException('', 'NotSupportedError'));", "too old for encrypted conferences");
  await says("insecure context", origin.replace("localhost", "conclave.test") + fragment, "", "plain http");
  const changed = fragment.slice(0, 40) + (fragment[40] === "A" ? "B" : "A") + fragment.slice(41);
  await says("typing error in the link", origin + changed, "", "typing error");
  await says("link cut short", origin + fragment.slice(0, 12), "", "typing error");
  await says("neither link nor node", origin, "", "belongs to a running node");

  // Nothing to show and nothing to say: one may listen all the same.
  const listener = await browser.open(origin + fragment, reject("NotFoundError", ["audio", "video"]));
  await join_(listener, "Listener", "picture").then(() => check("without camera and microphone one sees the others", true), (error) => check("without camera and microphone one sees the others", false, String(error)));
  await browser.close();
}

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

export async function traps() {
  const node = await Node.start("host");
  const first = await startBrowser("chromium");
  const owner = await startConference(first, node, "Amara");
  const fragment = fragmentOf(await copyLink(owner));
  const server = await startStatic();
  await lines(owner, "chromium");

  // Firefox sends its first audio packet in clear where a live track is given too early: each packet must be a sealed frame.
  const firefox = await startBrowser("firefox");
  for (let i = 0; i < 5; ++i) {
    const fox = await firefox.open(server.url + fragment, reject("NotFoundError", ["video"]).replace(/getUserMedia = .*/s, `getUserMedia = ((real) => (what) => what.video ? Promise.reject(new DOMException("no", "NotFoundError")) : real(what))(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));`));
    await join_(fox, "Fox", "connected");
    if (i === 0) await lines(fox, "firefox");
    await wait(1500);
    // Packets first, frames after them: frames in between only make the difference larger.
    const { sent, sealed } = await fox.evaluate(`(async () => {
      let sent = 0;
      for (const each of (await window.session.stats()).values()) if (each.type === "outbound-rtp" && each.kind === "audio") sent += each.packetsSent;
      return { sent, sealed: (await window.session.conference.figures()).sealed };
    })()`);
    check("firefox sends no audio packet that is not a sealed frame", sent > 20 && sent <= sealed, `${sent} packets, ${sealed} sealed frames`);
    if (i === 4) figure(`firefox, five joins with sound alone: no clear packet; last join ${sent} packets of ${sealed} sealed frames`);
    await fox.evaluate("window.session.leave()");
    await fox.close();
  }
  const { worker } = await statsOf(owner);
  check("nothing that came from Firefox was in clear or forged", worker.refused === 0, JSON.stringify(worker));
  await sentences(server.url, fragment);
  server.close();
}
