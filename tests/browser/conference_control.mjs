// The control run: the same browsers in a full mesh of plain RTCPeerConnections, with nothing of ours between them, and
// pictures as large as in a conference of four. What freezes here freezes because of the machine.
import { until } from "./conference_lab.mjs";

/** Runs in a page: what `signal` needs of it. One connection to each other page, camera and microphone both ways. */
const setUp = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const connections = new Map();
  document.body.replaceChildren();
  document.body.style.cssText = "margin: 0; display: flex; flex-wrap: wrap; height: 100vh";
  const show = (pictures) => {
    const video = Object.assign(document.createElement("video"), { srcObject: pictures, muted: true, autoplay: true });
    video.style.cssText = "width: 50%; height: 50%; object-fit: cover";
    document.body.append(video);
  };
  show(stream);
  const gathered = (pc) => new Promise((resolve) => {
    if (pc.iceGatheringState === "complete") return resolve();
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && resolve());
    setTimeout(resolve, 3000);
  });
  const make = (other) => {
    const pc = new RTCPeerConnection();
    for (const track of stream.getTracks()) pc.addTrack(track, stream);
    pc.ontrack = ({ track, streams }) => {
      if (track.kind === "video") show(streams[0]);
    };
    connections.set(other, pc);
    return pc;
  };
  window.control = {
    async offer(other) {
      const pc = make(other);
      await pc.setLocalDescription(await pc.createOffer());
      await gathered(pc);
      return pc.localDescription.toJSON();
    },
    async answer(other, offer) {
      const pc = make(other);
      await pc.setRemoteDescription(offer);
      await pc.setLocalDescription(await pc.createAnswer());
      await gathered(pc);
      return pc.localDescription.toJSON();
    },
    take: (other, answer) => connections.get(other).setRemoteDescription(answer),
    async figures() {
      const out = { pictures: 0, frames: 0, freezes: 0 };
      for (const pc of connections.values())
        for (const each of (await pc.getStats()).values()) {
          if (each.type !== "inbound-rtp" || each.kind !== "video" || !each.framesDecoded) continue;
          ++out.pictures;
          out.frames += each.framesDecoded;
          out.freezes += each.freezeCount ?? 0;
        }
      return out;
    },
    close: () => connections.forEach((pc) => pc.close()),
  };
};

/** Freezes and frames of all `browsers` together in `seconds`, each on a page from `origin`. */
export async function control(browsers, origin, seconds) {
  const pages = await Promise.all(browsers.map((browser) => browser.open(origin)));
  await Promise.all(pages.map((page) => page.evaluate(`(${setUp})()`)));
  for (let i = 0; i < pages.length; ++i) {
    for (let j = i + 1; j < pages.length; ++j) {
      const offer = await pages[i].evaluate(`window.control.offer(${j})`);
      const answer = await pages[j].evaluate(`window.control.answer(${i}, ${JSON.stringify(offer)})`);
      await pages[i].evaluate(`window.control.take(${j}, ${JSON.stringify(answer)})`);
    }
  }
  const figures = () => Promise.all(pages.map((page) => page.evaluate("window.control.figures()")));
  await until(async () => (await figures()).every(({ pictures }) => pictures >= pages.length - 1), 20, "the control run's pages see each other");
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const before = await figures();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const after = await figures();
  for (const page of pages) {
    await page.evaluate("window.control.close()");
    await page.close();
  }
  const sum = (of) => after.reduce((total, now, i) => total + now[of] - before[i][of], 0);
  return { freezes: sum("freezes"), frames: sum("frames") };
}
