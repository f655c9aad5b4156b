// What the page says to people when something is missing, in real browsers that really lack it; and that the call goes on
// with what is there.
import { check, copyLink, fragmentOf, join_, Node, startBrowser, startConference, startStatic, statsOf, until, wait } from "./conference_lab.mjs";

const fakeDevices = "--use-fake-device-for-media-stream=fps=15", fakePermission = "--use-fake-ui-for-media-stream";

/** Whether `page` shows `words` within `seconds`. */
async function says(what, page, words, seconds = 6) {
  const text = await until(async () => {
    const all = await page.evaluate("document.body.innerText");
    return all.includes(words) && all;
  }, seconds, what).catch(async () => `instead: ${await page.evaluate("document.body.innerText")}`);
  return check(`the page says it: ${what}`, text.includes(words), text.slice(0, 300));
}

const attempt = (what, promise) => promise.then(() => check(what, true), (error) => check(what, false, String(error.message ?? error)));

/** Browsers without a camera, without permission: they say so, join, and see the others all the same. */
async function withoutDevices(address) {
  const reject = (name, kinds) => `
    navigator.mediaDevices.getUserMedia = ((real) => (what) => ${kinds.map((kind) => `what.${kind}`).join(" || ")}
      ? Promise.reject(new DOMException("no", ${JSON.stringify(name)})) : real(what))(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));`;
  const camera = "Your browser was told not to use the camera", microphone = "Your browser was told not to use the microphone";
  const cases = [
    ["chromium, camera and microphone refused", ["chromium", ["--deny-permission-prompts"], { without: [fakePermission] }], "", [camera, microphone]],
    ["chromium, no devices", ["chromium", [], { without: [fakeDevices] }], "", ["No camera was found", "No microphone was found"]],
    ["chromium, camera taken by another program", ["chromium"], reject("NotReadableError", ["video"]), ["Another program is using the camera"]],
    ["firefox, camera and microphone refused", ["firefox", [], { prefs: { "media.navigator.permission.disabled": false, "permissions.default.camera": 2, "permissions.default.microphone": 2 } }],
      "", [camera, microphone]],
    ["firefox, no devices", ["firefox", [], { prefs: { "media.navigator.streams.fake": false } }], "", ["No camera was found", "No microphone was found"]],
  ];
  for (const [what, [kind, ...how], script, sentences] of cases) {
    const browser = await startBrowser(kind, ...how);
    const page = await browser.open(address, script);
    for (const words of sentences) await says(what, page, words);
    await attempt(`${what}: joins and sees the others all the same`, join_(page, "Listener", "picture"));
    await page.evaluate("window.session?.leave()");
    await browser.close();
  }
}

/** Links and browsers with which one cannot get in. */
async function noWayIn(origin, fragment) {
  const browser = await startBrowser("chromium", ["--host-resolver-rules=MAP conclave.test 127.0.0.1"]);
  const open = async (what, url, script, words) => {
    const page = await browser.open(url, script);
    await says(what, page, words);
    await page.close();
  };
  await open("old browser", origin + fragment, "delete window.RTCRtpScriptTransform;", "too old for encrypted conferences");
  await open("no Ed25519", origin + fragment, "crypto.subtle.generateKey = () => Promise.reject(new DOMException('', 'NotSupportedError'));", "too old for encrypted conferences");
  await open("insecure context", origin.replace("localhost", "conclave.test") + fragment, "", "plain http");
  const changed = fragment.slice(0, 40) + (fragment[40] === "A" ? "B" : "A") + fragment.slice(41);
  await open("typing error in the link", origin + changed, "", "typing error");
  await open("link cut short", origin + fragment.slice(0, 12), "", "This link is not complete");
  await open("neither link nor node", origin, "", "Paste the link you were sent");
  return browser;
}

const press = async (page) => {
  await page.waitForSelector("#join");
  await page.evaluate("document.querySelector('#join').click()");
};

export async function sentences() {
  const node = await Node.start("host");
  const first = await startBrowser("chromium");
  const owner = await startConference(first, node, "Amara");
  const fragment = fragmentOf(await copyLink(owner));
  const [{ conference }] = await node.call("calls.list");
  const server = await startStatic();
  const address = server.url + fragment;
  try {
    await withoutDevices(address);
    const browser = await noWayIn(server.url, fragment);

    // Links that led in once.
    const brief = await node.call("calls.invite", { conference, life_ms: 1000 });
    const narrow = await node.call("calls.invite", { conference, members_max: 1 });
    await wait(1200);
    const late = await browser.open(server.url + brief.fragment);
    await press(late);
    await says("the invitation has expired", late, "This invitation has expired");
    await late.close();
    const only = await browser.open(server.url + narrow.fragment);
    await join_(only, "Only", "connected");
    const second = await browser.open(server.url + narrow.fragment);
    await press(second);
    await says("the invitation is used up", second, "This conference is full");
    await second.close();
    await only.evaluate("window.session.leave()");
    await only.close();

    // The node goes in the middle of a call, and comes back: pages say so, and are in again by themselves.
    const guest = await browser.open(address);
    await join_(guest, "Jonas", "picture");
    const home = await first.open(node.url);
    await home.waitForSelector("#start");
    await node.end("SIGKILL");
    await says("guest's page: the node is gone", guest, "Connection lost", 10);
    await says("owner's page in a call: the node is gone", owner, "Connection lost", 10);
    await says("owner's page at home: the node is gone", home, "Your own node is not running", 10);
    const unreachable = await browser.open(address);
    await press(unreachable);
    await says("none of the link's nodes answers", unreachable, "None of the computers that this link names answers", 25);
    check("one may try again", await unreachable.evaluate("!document.querySelector('#join').disabled"));
    await node.run();
    await attempt("the guest is in again when the node is back", until(() => guest.evaluate("window.session.state === 'connected'"), 15, "the guest is back"));
    await attempt("who was turned away gets in by the same page", press(unreachable).then(() => until(() => unreachable.evaluate("window.session?.state === 'connected'"), 15, "in at the second try")));
    await browser.close();
  } finally {
    server.close();
  }
}
