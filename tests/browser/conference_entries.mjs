// A link names several entry nodes, and the page races them: with some of them dead every join still gets in.
import { check, copyLink, figure, fragmentOf, full, join_, leave, Node, percentile, startBrowser, startConference, startStatic, until } from "./conference_lab.mjs";

/** The keys of the nodes that a link names, and how many entries they have; read by the page's own code. */
const entriesIn = (link) => {
  const bytes = Buffer.from(link.slice(link.indexOf("#c=") + 3), "base64url");
  // Each entry ends with two byte strings of 32: certificate fingerprint and node key (msgpack: c4 20 …).
  const nodes = [];
  for (let at = bytes.indexOf(Buffer.from([0xc4, 32])); at >= 0; at = bytes.indexOf(Buffer.from([0xc4, 32]), at + 34)) nodes.push(bytes.subarray(at + 2, at + 34).toString("hex"));
  // In front: the conference's key and the invite's seed.
  return nodes.slice(2).filter((_, i) => i % 2 === 1);
};

export async function entries() {
  const names = ["founder", "second", "third"];
  const nodes = [await Node.start(names[0])];
  for (const name of names.slice(1)) nodes.push(await Node.start(name, ["--bootstrap", nodes[0].address]));
  const first = await startBrowser("chromium");
  const owner = await startConference(first, nodes[0], "Amara");
  const [{ conference }] = await nodes[0].call("calls.list");
  for (const node of nodes.slice(1)) await node.call("calls.enter", { conference });
  const link = await until(async () => {
    const { link } = await nodes[0].call("calls.invite", { conference });
    return new Set(entriesIn(link)).size === 3 && link;
  }, 60, "the link names three nodes");
  check("a link names three nodes where there are three", true);
  figure(`a link of three nodes has ${entriesIn(link).length} entries and ${link.length} characters`);

  const server = await startStatic();
  const browser = await startBrowser("chromium");
  const count = full ? 30 : 6;
  const joins = async (what) => {
    const times = [];
    for (let i = 0; i < count; ++i) {
      const page = await browser.open(server.url + fragmentOf(link));
      times.push(await join_(page, `Guest ${i}`, "picture").catch((error) => (check(`${what}: join ${i}`, false, String(error.message)), Infinity)));
      await leave(page).catch(() => {});
      await page.close();
    }
    check(what, times.every(Number.isFinite));
    figure(`${what}: ${times.filter(Number.isFinite).length} of ${count} see a picture, p50 ${Math.round(percentile(times, 0.5))} ms, max ${Math.round(Math.max(...times))} ms after the press`);
  };
  await joins("three entry nodes");
  await nodes[1].end("SIGKILL");
  await nodes[2].end("SIGKILL");
  await joins("two of three entry nodes dead");
  await owner.evaluate("window.session.leave()");
  server.close();
}
