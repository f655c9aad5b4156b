/** The invite link's fragment. docs/calls.md, section 3. */
import { encode } from "@msgpack/msgpack";
import { base64url, type Bytes, concat, fromBase64url, Malformed, same } from "../crypto/bytes";
import { sha256 } from "../crypto/hash";
import { list } from "./statement";

/** A node through which one gets in. */
export interface EntryNode {
  ip: Bytes; // 4 or 16
  port: number;
  icePwd: string;
  fingerprint: Bytes; // SHA-256 of its DTLS certificate
  node: Bytes; // Ed25519 key
}

export interface ConferenceLink {
  conference: Bytes;
  inviteSeed: Bytes | null;
  entries: EntryNode[];
}

export class Mistyped extends Malformed {}

export async function encodeLink(link: ConferenceLink): Promise<string> {
  const entries = link.entries.map((e) => [e.ip, e.port, e.icePwd, e.fingerprint, e.node]);
  const packed = encode([1, link.conference, link.inviteSeed, entries]);
  return base64url(concat(packed, (await sha256(packed)).subarray(0, 4)));
}

function decodeEntry(value: unknown): EntryNode {
  if (!Array.isArray(value) || value.length !== 5) throw new Malformed("entry node");
  const [ip, port, icePwd, fingerprint, node] = value as [Bytes, number, string, Bytes, Bytes];
  const good =
    ip instanceof Uint8Array && (ip.length === 4 || ip.length === 16) &&
    Number.isInteger(port) && port > 0 && port < 65536 &&
    typeof icePwd === "string" && /^[A-Za-z0-9+/]{22,64}$/.test(icePwd) &&
    fingerprint instanceof Uint8Array && fingerprint.length === 32 &&
    node instanceof Uint8Array && node.length === 32;
  if (!good) throw new Malformed("entry node");
  return { ip: concat(ip), port, icePwd, fingerprint: concat(fingerprint), node: concat(node) };
}

/** The one place where a link is believed. Throws Mistyped where its checksum is wrong, Malformed otherwise. */
export async function decodeLink(digits: string): Promise<ConferenceLink> {
  const bytes = fromBase64url(digits);
  if (bytes.length < 8 || bytes.length > 2048) throw new Mistyped("too short or too long");
  const packed = bytes.subarray(0, -4);
  if (!same((await sha256(packed)).subarray(0, 4), bytes.subarray(-4))) throw new Mistyped("checksum");
  const all = list(packed);
  const [version, conference, seed, entries] = all;
  if (all.length !== 4 || version !== 1) throw new Malformed("unsupported link");
  if (!(conference instanceof Uint8Array) || conference.length !== 32) throw new Malformed("conference key");
  if (seed !== null && (!(seed instanceof Uint8Array) || seed.length !== 32)) throw new Malformed("invite");
  if (!Array.isArray(entries) || entries.length < 1 || entries.length > 5) throw new Malformed("entry nodes");
  return {
    conference: concat(conference),
    inviteSeed: seed === null ? null : concat(seed as Uint8Array),
    entries: entries.map(decodeEntry),
  };
}
