/** What is said about who may be in a conference, signed. docs/calls.md, section 2; node/calls/statement.hpp. */
import { decode, encode } from "@msgpack/msgpack";
import { type Bytes, concat, Malformed, same, text } from "../crypto/bytes";
import { named, sha256 } from "../crypto/hash";
import { type SigningKeys, verify } from "../crypto/keys";

const domain = "conclave/statement/1";
const certificateDomain = "conclave/device/1";
const version = 1;
const skewMs = 10 * 60_000;
export const statementMax = 2048;
export const nameMax = 64;

export type Saying =
  | { kind: "admin"; account: Bytes }
  | { kind: "invite"; key: Bytes; expiresMs: number; membersMax: number; rights: number }
  | {
      kind: "member";
      call: Bytes;
      callX25519: Bytes;
      account: Bytes | null;
      name: string;
      expiresMs: number;
      invite: Bytes | null;
      consent: Bytes;
    }
  | { kind: "remove"; call: Bytes; invite: Bytes | null }
  | { kind: "revoke"; key: Bytes }
  | { kind: "leave" }
  | { kind: "state"; sequence: number; entry: Bytes | null; flags: number }
  | { kind: "mute"; call: Bytes; kinds: number }
  | { kind: "serve"; uplinkBps: number };
export type Kind = Saying["kind"];

/** In the order of their numbers on the wire, from 1. */
const kinds: Kind[] = ["admin", "invite", "member", "remove", "revoke", "leave", "state", "mute", "serve"];

/** An invite's right: in without being admitted. */
export const noAdmission = 1;
export const flag = { hand: 1, muted: 2, cameraOff: 4, screen: 8, knocking: 16 } as const;

export interface Statement {
  conference: Bytes;
  issuedMs: number;
  saying: Saying;
  issuer: Bytes;
  /** The account whose node signed, if a device certificate says so. */
  account: Bytes | null;
  bytes: Bytes;
  digest: Bytes;
}

function fieldsOf(saying: Saying): unknown[] {
  switch (saying.kind) {
    case "admin": return [saying.account];
    case "invite": return [saying.key, saying.expiresMs, saying.membersMax, saying.rights];
    case "member":
      return [saying.call, saying.callX25519, saying.account, saying.name, saying.expiresMs, saying.invite, saying.consent];
    case "remove": return [saying.call, saying.invite];
    case "revoke": return [saying.key];
    case "leave": return [];
    case "state": return [saying.sequence, saying.entry, saying.flags];
    case "mute": return [saying.call, saying.kinds];
    case "serve": return [saying.uplinkBps];
  }
}

/** A member's own word for its X25519 key and its name, whoever certifies it. */
const consentDomain = "conclave/consent/1";
const consentTo = (conference: Bytes, callX25519: Bytes, name: string): Bytes => concat(conference, callX25519, text(name));

/** A member about itself, for an invite, an admin or nobody to sign. `name` is cut to its limit. */
export async function introduce(
  call: SigningKeys, callX25519: Bytes, conference: Bytes, name: string, expiresMs: number, invite: Bytes | null,
): Promise<Extract<Saying, { kind: "member" }>> {
  const letters = [...name];
  while (text(letters.join("")).length > nameMax) letters.pop();
  name = letters.join("");
  const consent = await call.sign(consentDomain, consentTo(conference, callX25519, name));
  return { kind: "member", call: call.publicKey, callX25519, account: null, name, expiresMs, invite, consent };
}

export async function issue(keys: SigningKeys, conference: Bytes, nowMs: number, saying: Saying): Promise<Statement> {
  const body = concat(encode([version, kinds.indexOf(saying.kind) + 1, conference, nowMs, ...fieldsOf(saying)]));
  const bytes = concat(encode([body, keys.publicKey, null, await keys.sign(domain, body)]));
  const digest = await sha256(bytes);
  return { conference, issuedMs: nowMs, saying, issuer: keys.publicKey, account: null, bytes, digest };
}

// Readers of single fields; each throws Malformed where something else stands there.
const bin = (value: unknown, length?: number): Bytes => {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw new Malformed("bytes");
  return concat(value);
};
const orNull = (value: unknown): Bytes | null => (value === null ? null : bin(value, 32));
const natural = (value: unknown): number => {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new Malformed("number");
  return value;
};
const str = (value: unknown, max: number): string => {
  if (typeof value !== "string" || text(value).length > max) throw new Malformed("text");
  return value;
};
export function list(bytes: Uint8Array): unknown[] {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    throw new Malformed("not msgpack");
  }
  if (!Array.isArray(value)) throw new Malformed("not an array");
  return value;
}

function readSaying(kind: Kind, f: unknown[]): Saying {
  const counts: Record<Kind, number> = {
    admin: 1, invite: 4, member: 7, remove: 2, revoke: 1, leave: 0, state: 3, mute: 2, serve: 1,
  };
  if (f.length !== counts[kind]) throw new Malformed("number of fields");
  switch (kind) {
    case "admin": return { kind, account: bin(f[0], 32) };
    case "invite":
      return { kind, key: bin(f[0], 32), expiresMs: natural(f[1]), membersMax: natural(f[2]), rights: natural(f[3]) };
    case "member":
      return {
        kind, call: bin(f[0], 32), callX25519: bin(f[1], 32), account: orNull(f[2]), name: str(f[3], nameMax),
        expiresMs: natural(f[4]), invite: orNull(f[5]), consent: bin(f[6], 64),
      };
    case "remove": return { kind, call: bin(f[0], 32), invite: orNull(f[1]) };
    case "revoke": return { kind, key: bin(f[0], 32) };
    case "leave": return { kind };
    case "state": return { kind, sequence: natural(f[0]), entry: orNull(f[1]), flags: natural(f[2]) };
    case "mute": return { kind, call: bin(f[0], 32), kinds: natural(f[1]) };
    case "serve": return { kind, uplinkBps: natural(f[0]) };
  }
}

/**
 * The account that a device certificate (docs/identity.md) names, if it holds for `node`:
 * [version, account, node, sequence, created_ms, expires_ms, name, signature].
 */
async function openCertificate(bytes: Bytes, node: Bytes, nowMs: number): Promise<Bytes> {
  const all = list(bytes);
  if (all.length !== 8 || all[0] !== 1) throw new Malformed("certificate");
  const account = bin(all[1], 32);
  if (!same(bin(all[2], 32), node)) throw new Malformed("certificate of another node");
  if (natural(all[4]) > nowMs + skewMs || natural(all[5]) + skewMs <= nowMs) throw new Malformed("certificate expired");
  const signed = concat(encode(all.slice(0, 7)));
  if (!(await verify(account, certificateDomain, signed, bin(all[7], 64)))) throw new Malformed("certificate signature");
  return account;
}

/** The one place where a statement from outside is believed. Throws Malformed. */
export async function openStatement(bytes: Uint8Array, conference: Bytes, nowMs: number): Promise<Statement> {
  if (bytes.length > statementMax) throw new Malformed("too long");
  const outer = list(bytes);
  if (outer.length !== 4) throw new Malformed("statement");
  const body = bin(outer[0]);
  const issuer = bin(outer[1], 32);
  const inner = list(body);
  const kind = kinds[natural(inner[1]) - 1];
  if (inner[0] !== version || kind === undefined) throw new Malformed("unsupported statement");
  if (!same(bin(inner[2], 32), conference)) throw new Malformed("of another conference");
  const issuedMs = natural(inner[3]);
  if (issuedMs > nowMs + skewMs) throw new Malformed("from the future");
  const saying = readSaying(kind, inner.slice(4));
  if (!(await verify(issuer, domain, body, bin(outer[3], 64)))) throw new Malformed("signature");
  if (saying.kind === "member") {
    const said = consentTo(conference, saying.callX25519, saying.name);
    if (!(await verify(saying.call, consentDomain, said, saying.consent))) throw new Malformed("consent");
  }
  const account = outer[2] === null ? null : await openCertificate(bin(outer[2]), issuer, nowMs);
  return { conference, issuedMs, saying, issuer, account, bytes: concat(bytes), digest: await sha256(bytes) };
}

/** The short name of a member: first 6 bytes. */
export async function memberId(call: Uint8Array): Promise<Bytes> {
  return (await sha256(named("conclave/member/1", call))).slice(0, 6);
}
