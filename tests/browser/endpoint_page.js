// What a page does to connect to a node by its link alone: it makes an offer, builds the node's answer itself and
// tells the node what it has to know in the user fragment it chooses for it. Plain script, loaded into any page.
// Claims layout: transport/webrtc/claims.hpp; lines of the connection: docs/webrtc.md.

const ICE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const EXTENSIONS = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  repaired: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  level: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  time: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  cc: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

function toIceChars(bytes) {
  let out = "", bits = 0, count = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (count += 8; count >= 6; count -= 6) out += ICE_ALPHABET[(bits >> (count - 6)) & 63];
    bits &= (1 << count) - 1;
  }
  if (count > 0) out += ICE_ALPHABET[(bits << (6 - count)) & 63];
  return out;
}

function sections(sdp) {
  return sdp.split(/\r\n(?=m=)/).map((part) => part.trim().split("\r\n"));
}

/** The payload types of the codecs we use, and the extension ids, as this browser numbers them. */
function readOffer(sdp) {
  const types = {}, ids = {};
  const [session, ...media] = sections(sdp);
  for (const lines of media) {
    for (const line of lines) {
      const map = line.match(/^a=rtpmap:(\d+) (opus|VP8|VP9)\//i);
      if (map && types[map[2].toLowerCase()] === undefined) types[map[2].toLowerCase()] = +map[1];
      const ext = line.match(/^a=extmap:(\d+)(?:\/\w+)? (\S+)/);
      if (ext) for (const [name, uri] of Object.entries(EXTENSIONS)) if (uri === ext[2] && +ext[1] < 15) ids[name] = +ext[1];
    }
    for (const line of lines) {
      const apt = line.match(/^a=fmtp:(\d+) apt=(\d+)/);
      if (apt && +apt[2] === types.vp8) types.vp8Rtx = +apt[1];
      if (apt && +apt[2] === types.vp9) types.vp9Rtx = +apt[1];
    }
  }
  const fingerprint = sdp.match(/a=fingerprint:sha-256 (\S+)/i)[1].split(":").map((x) => parseInt(x, 16));
  return { session, media, types, ids, fingerprint };
}

function encodeClaims({ types, ids, fingerprint }, { pageIsClient, proof }) {
  const t = (x) => x || 0;
  return [1, (pageIsClient ? 1 : 0) | 2, ...fingerprint, t(types.opus), t(types.vp8), t(types.vp8Rtx), t(types.vp9),
    t(types.vp9Rtx), (t(ids.mid) << 4) | t(ids.rid), (t(ids.repaired) << 4) | t(ids.level), (t(ids.time) << 4) | t(ids.cc),
    ...proof];
}

/** SSRCs of slot `n` (docs/webrtc.md): audio, video and its retransmissions. */
function slotSsrcs(mid) {
  return { media: 0x10000 + 2 * mid, rtx: 0x10001 + 2 * mid };
}

function answerFor(offer, node, ufrag, { pageIsClient }) {
  const { types, ids } = offer;
  const group = offer.session.find((line) => line.startsWith("a=group:"));
  const out = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", group, "a=ice-lite", "a=msid-semantic: WMS *"];
  for (const lines of offer.media) {
    const kind = lines[0].match(/^m=(\w+)/)[1];
    const mid = lines.find((line) => line.startsWith("a=mid:")).slice(6);
    const wanted = kind === "audio" ? [types.opus] : [types.vp8, types.vp8Rtx].filter((x) => x !== undefined);
    out.push(kind === "application" ? "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
                                    : `m=${kind} 9 UDP/TLS/RTP/SAVPF ${wanted.join(" ")}`);
    out.push("c=IN IP4 0.0.0.0", `a=mid:${mid}`, `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${node.pwd}`,
      `a=fingerprint:${node.fingerprint}`, `a=setup:${pageIsClient ? "passive" : "active"}`,
      ...node.ips.map((ip, i) => `a=candidate:${i + 1} 1 udp ${2130706431 - 256 * i} ${ip} ${node.port} typ host`),
      "a=end-of-candidates");
    if (kind === "application") {
      out.push("a=sctp-port:5000", "a=max-message-size:65536");
      continue;
    }
    out.push("a=rtcp-mux", "a=rtcp-rsize");
    const sends = lines.includes("a=sendonly");
    out.push(sends ? "a=recvonly" : "a=sendonly");
    for (const uri of Object.values(EXTENSIONS)) {
      const id = lines.map((line) => line.match(/^a=extmap:(\d+)(?:\/\w+)? (\S+)/)).find((m) => m && m[2] === uri);
      if (id && +id[1] < 15) out.push(`a=extmap:${id[1]} ${uri}`);
    }
    for (const line of lines) {
      const m = line.match(/^a=(rtpmap|fmtp):(\d+) /);
      if (m && wanted.includes(+m[2])) out.push(line);
    }
    if (kind === "audio") out.push(`a=rtcp-fb:${types.opus} transport-cc`);
    else for (const fb of ["transport-cc", "ccm fir", "nack", "nack pli"]) out.push(`a=rtcp-fb:${types.vp8} ${fb}`);
    const rids = lines.filter((line) => /^a=rid:\w+ send/.test(line)).map((line) => line.match(/^a=rid:(\w+)/)[1]);
    if (rids.length) out.push(...rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${rids.join(";")}`);
    if (!sends) {
      const { media, rtx } = slotSsrcs(+mid);
      out.push(`a=msid:slot${mid} track${mid}`);
      if (kind === "video" && types.vp8Rtx !== undefined) out.push(`a=ssrc-group:FID ${media} ${rtx}`);
      out.push(`a=ssrc:${media} cname:node`);
      if (kind === "video" && types.vp8Rtx !== undefined) out.push(`a=ssrc:${rtx} cname:node`);
    }
  }
  return out.join("\r\n") + "\r\n";
}

/**
 * Connects to `node` = {ips, port, pwd, fingerprint}. m-lines: data channel 0, sendonly audio and video (with
 * `simulcast` rids), and `slots` recvonly pairs. Resolves once the data channel is open.
 */
async function connectToNode(node, { slots = 1, simulcast = false, pageIsClient = false, stream = null } = {}) {
  const began = performance.now();
  const pc = new RTCPeerConnection();
  const tracks = [];
  pc.ontrack = (event) => tracks.push(event);
  const channel = pc.createDataChannel("", { negotiated: true, id: 0 });
  channel.binaryType = "arraybuffer";
  const audio = pc.addTransceiver("audio", { direction: "sendonly" });
  const encodings = simulcast ? [{ rid: "q", scaleResolutionDownBy: 4 }, { rid: "h", scaleResolutionDownBy: 2 }, { rid: "f" }] : undefined;
  const video = pc.addTransceiver("video", encodings ? { direction: "sendonly", sendEncodings: encodings } : { direction: "sendonly" });
  for (let i = 0; i < slots; ++i) {
    pc.addTransceiver("audio", { direction: "recvonly" });
    pc.addTransceiver("video", { direction: "recvonly" });
  }
  await pc.setLocalDescription(await pc.createOffer());
  const offer = readOffer(pc.localDescription.sdp);
  const proof = crypto.getRandomValues(new Uint8Array(96));
  // Where HPKE's encapsulated key and tag would be: as long as what a node really gets.
  const ufrag = toIceChars([...new Array(48).fill(0), ...encodeClaims(offer, { pageIsClient, proof })]);
  const answer = answerFor(offer, node, ufrag, { pageIsClient });
  const open = new Promise((resolve, reject) => {
    channel.onopen = resolve;
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "failed") reject(new Error("connection failed"));
    };
    setTimeout(() => reject(new Error(`not connected after 10 s: ice ${pc.iceConnectionState}, ${pc.connectionState}`)), 10000);
  });
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  await open;
  const connectMs = performance.now() - began;
  if (stream) {
    await audio.sender.replaceTrack(stream.getAudioTracks()[0]);
    await video.sender.replaceTrack(stream.getVideoTracks()[0]);
  }
  return { pc, channel, tracks, connectMs, ufragLength: ufrag.length };
}

async function echo(channel, bytes) {
  const back = new Promise((resolve, reject) => {
    channel.onmessage = (event) => resolve(event.data);
    setTimeout(() => reject(new Error("no echo")), 5000);
  });
  const began = performance.now();
  channel.send(bytes);
  const data = await back;
  const same = typeof bytes === "string" ? data === bytes
    : data.byteLength === bytes.byteLength && new Uint8Array(data).every((x, i) => x === new Uint8Array(bytes)[i]);
  return { same, ms: performance.now() - began };
}

async function oneConnect(node, options) {
  const { pc, channel, connectMs, ufragLength } = await connectToNode(node, options);
  const { same, ms } = await echo(channel, "hello " + Math.random());
  pc.close();
  return { connectMs, ufragLength, echo: same, echoMs: ms };
}

/** Joins with camera and microphone and shows what comes in. */
async function joinWithMedia(node, options) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  const joined = await connectToNode(node, { ...options, stream });
  window.joined = joined;
  for (const { track } of joined.tracks) {
    const element = document.createElement(track.kind);
    element.autoplay = true;
    element.muted = true;
    element.srcObject = new MediaStream([track]);
    document.body.append(element);
  }
  return joined.connectMs;
}

async function mediaStats() {
  const out = { audioPackets: 0, audioEnergy: 0, framesDecoded: 0, framesReceived: 0, framesDropped: 0, discarded: 0, freezes: 0, width: 0, packetsLost: 0, sent: {}, pli: 0, nack: 0,
    rtxReceived: 0, available: 0, remoteRtt: null, keyFrames: 0, packetsSent: 0 };
  for (const report of (await window.joined.pc.getStats()).values()) {
    if (report.type === "inbound-rtp" && report.kind === "audio") {
      out.audioPackets += report.packetsReceived || 0;
      out.audioEnergy += report.totalAudioEnergy || 0;
    }
    if (report.type === "inbound-rtp" && report.kind === "video") {
      out.framesDecoded += report.framesDecoded || 0;
      out.framesReceived += report.framesReceived || 0;
      out.framesDropped += report.framesDropped || 0;
      out.discarded += report.packetsDiscarded || 0;
      out.freezes += report.freezeCount || 0;
      out.width = Math.max(out.width, report.frameWidth || 0);
      out.packetsLost += report.packetsLost || 0;
      out.rtxReceived += report.retransmittedPacketsReceived || 0;
      out.keyFrames += report.keyFramesDecoded || 0;
    }
    if (report.type === "outbound-rtp" && report.kind === "video") {
      out.sent[report.rid || "-"] = report.framesEncoded;
      out.pli += report.pliCount || 0;
      out.nack += report.nackCount || 0;
      out.packetsSent += report.packetsSent || 0;
    }
    if (report.type === "remote-inbound-rtp" && report.roundTripTime !== undefined) out.remoteRtt = report.roundTripTime;
    if (report.type === "candidate-pair" && report.availableOutgoingBitrate) out.available = Math.round(report.availableOutgoingBitrate / 1000);
  }
  return out;
}
