/**
 * A connection to a node by its link alone: what our offer says of this browser, and the node's answer, which we
 * write ourselves. docs/webrtc.md; docs/calls.md, sections 3 and 5.
 */
import type { Bytes } from "../crypto/bytes";
import { Malformed } from "../crypto/bytes";

const extensionUris = {
  mid: "urn:ietf:params:rtp-hdrext:sdes:mid",
  rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  repaired: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  level: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  time: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  cc: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
} as const;
type Extension = keyof typeof extensionUris;

/** Zero where this browser does not offer it. */
export interface Offer {
  session: string[];
  media: string[][];
  opus: number;
  vp8: number;
  vp8Rtx: number;
  extensions: Record<Extension, number>;
  fingerprint: Bytes;
}

/** Ids above 14 need two-byte headers, which we do not use. */
const idMax = 14;
const extmap = /^a=extmap:(\d+)(?:\/\w+)? (\S+)/;

export function readOffer(sdp: string): Offer {
  const [session, ...media] = sdp.split(/\r\n(?=m=)/).map((part) => part.trim().split("\r\n")) as [string[], ...string[][]];
  const found = sdp.match(/a=fingerprint:sha-256 (\S+)/i);
  if (!found) throw new Malformed("this browser offers no SHA-256 certificate");
  const out: Offer = {
    session, media, opus: 0, vp8: 0, vp8Rtx: 0,
    extensions: { mid: 0, rid: 0, repaired: 0, level: 0, time: 0, cc: 0 },
    fingerprint: Uint8Array.from(found[1]!.split(":"), (pair) => parseInt(pair, 16)),
  };
  for (const line of media.flat()) {
    const map = line.match(/^a=rtpmap:(\d+) (opus|VP8)\//i);
    if (map && map[2]!.toLowerCase() === "opus") out.opus ||= Number(map[1]);
    if (map && map[2] === "VP8") out.vp8 ||= Number(map[1]);
    const ext = line.match(extmap);
    for (const [name, uri] of Object.entries(extensionUris))
      if (ext && ext[2] === uri && Number(ext[1]) <= idMax) out.extensions[name as Extension] = Number(ext[1]);
  }
  for (const line of media.flat()) {
    const apt = line.match(/^a=fmtp:(\d+) apt=(\d+)/);
    if (apt && Number(apt[2]) === out.vp8) out.vp8Rtx ||= Number(apt[1]);
  }
  if (!out.opus || !out.vp8) throw new Malformed("this browser offers neither Opus nor VP8");
  return out;
}

/** Claims about this page, transport/webrtc/claims.hpp. */
export function encodeClaims(offer: Offer, proof: Uint8Array): Bytes {
  const id = offer.extensions;
  return Uint8Array.of(
    1, 2, ...offer.fingerprint, offer.opus, offer.vp8, offer.vp8Rtx, 0, 0,
    (id.mid << 4) | id.rid, (id.repaired << 4) | id.level, (id.time << 4) | id.cc, ...proof,
  );
}

/** Where an answer points: a node, at one or more addresses. */
export interface NodeLine {
  at: { ip: string; port: number }[];
  icePwd: string;
  fingerprint: Bytes;
  ufrag: string;
}

/** The SSRC of what arrives in slot `mid`; its retransmissions have one more. */
export const slotSsrc = (mid: number): number => 0x10000 + 2 * mid;

export function writeAnswer(offer: Offer, node: NodeLine): string {
  const fingerprint = [...node.fingerprint].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");
  const group = offer.session.find((line) => line.startsWith("a=group:")) ?? "";
  const out = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", group, "a=ice-lite", "a=msid-semantic: WMS *"];
  for (const lines of offer.media) {
    const kind = lines[0]!.match(/^m=(\w+)/)![1]!;
    const mid = lines.find((line) => line.startsWith("a=mid:"))!.slice(6);
    const types = kind === "audio" ? [offer.opus] : [offer.vp8, offer.vp8Rtx].filter((type) => type !== 0);
    out.push(
      kind === "application" ? "m=application 9 UDP/DTLS/SCTP webrtc-datachannel" : `m=${kind} 9 UDP/TLS/RTP/SAVPF ${types.join(" ")}`,
      "c=IN IP4 0.0.0.0", `a=mid:${mid}`, `a=ice-ufrag:${node.ufrag}`, `a=ice-pwd:${node.icePwd}`,
      `a=fingerprint:sha-256 ${fingerprint}`, "a=setup:active",
      // One host candidate each, the first the best (RFC 8445, 5.1.2.1).
      ...node.at.map(({ ip, port }, i) => `a=candidate:${i + 1} 1 udp ${2130706431 - 256 * i} ${ip} ${port} typ host`),
      "a=end-of-candidates",
    );
    if (kind === "application") out.push("a=sctp-port:5000", "a=max-message-size:65536");
    else out.push(...mediaLines(offer, lines, kind, mid, types));
  }
  return `${out.join("\r\n")}\r\n`;
}

function mediaLines(offer: Offer, lines: string[], kind: string, mid: string, types: number[]): string[] {
  const sends = lines.includes("a=sendonly");
  const out = ["a=rtcp-mux", "a=rtcp-rsize", sends ? "a=recvonly" : "a=sendonly"];
  for (const uri of Object.values(extensionUris)) {
    const id = lines.map((line) => line.match(extmap)).find((found) => found?.[2] === uri)?.[1];
    if (id && Number(id) <= idMax) out.push(`a=extmap:${id} ${uri}`);
  }
  for (const line of lines) {
    const map = line.match(/^a=(?:rtpmap|fmtp):(\d+) /);
    if (map && types.includes(Number(map[1]))) out.push(line);
  }
  if (kind === "audio") out.push(`a=rtcp-fb:${offer.opus} transport-cc`);
  else for (const feedback of ["transport-cc", "ccm fir", "nack", "nack pli"]) out.push(`a=rtcp-fb:${offer.vp8} ${feedback}`);
  const rids = lines.map((line) => line.match(/^a=rid:(\w+) send/)?.[1]).filter((rid) => rid !== undefined);
  if (rids.length > 0) out.push(...rids.map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${rids.join(";")}`);
  if (sends) return out;
  const ssrc = slotSsrc(Number(mid));
  const withRtx = kind === "video" && offer.vp8Rtx !== 0;
  out.push(`a=msid:slot${mid} track${mid}`);
  if (withRtx) out.push(`a=ssrc-group:FID ${ssrc} ${ssrc + 1}`);
  out.push(`a=ssrc:${ssrc} cname:node`);
  if (withRtx) out.push(`a=ssrc:${ssrc + 1} cname:node`);
  return out;
}
