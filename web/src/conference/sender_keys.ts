/**
 * Who has whose base keys, and how they change. docs/calls.md, section 6. Runs in the page; the worker gets the keys
 * it needs by messages (src/e2ee/worker.ts).
 */
import { encode } from "@msgpack/msgpack";
import { type Bytes, concat, hex, Malformed, same, text, uint } from "../crypto/bytes";
import { hkdfExpand, hkdfExtract, named, sha256 } from "../crypto/hash";
import { type HpkeContext, setupRecipient, setupSender } from "../crypto/hpke";
import { type SigningKeys, verify, type X25519Keys } from "../crypto/keys";
import { list } from "./statement";

export const kind = { audio: 1, video: 2, screen: 3, data: 4 } as const;
export type Kind = (typeof kind)[keyof typeof kind];
export const kinds: Kind[] = [1, 2, 3, 4];

const messageKind = { first: 1, next: 2, please: 3 } as const;
const skipMax = 64;
const pleaseEveryMs = 2000;
/** A conference of 256 in which everybody comes back sixteen times. */
const firstsMax = 4096;

/** Key id of a frame: who, what, which generation. */
export async function keyId(call: Uint8Array, of: Kind, generation: number): Promise<bigint> {
  const prefix = (await sha256(named("conclave/kid/1", call, Uint8Array.of(of)))).subarray(0, 6);
  return BigInt(`0x${hex(prefix)}`) * 65536n + BigInt(generation & 0xffff);
}

/** RFC 9605, section 5.1. */
export async function ratchet(baseKey: Uint8Array): Promise<Bytes> {
  return hkdfExpand(await hkdfExtract(new Uint8Array(0), baseKey), text("SFrame 1.0 Ratchet"), 32);
}

export interface BaseKeys {
  generation: number;
  keys: Map<Kind, Bytes>;
}

/** One direction of a pairwise chain. */
interface Chain {
  secret: Bytes;
  number: number;
}

async function step(chain: Chain): Promise<CryptoKey> {
  const key = await hkdfExpand(chain.secret, text("conclave/chain message/1"), 16);
  chain.secret = await hkdfExpand(chain.secret, text("conclave/chain next/1"), 32);
  ++chain.number;
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

const sealing = (aad: Bytes) => ({ name: "AES-GCM", iv: new Uint8Array(12), additionalData: aad });

export interface Peer {
  call: Bytes;
  callX25519: Bytes;
}

/** What a message from another member led to. */
export type Received = { type: "keys"; call: Bytes; base: BaseKeys } | { type: "please"; call: Bytes } | null;

export class SenderKeys {
  private generation = 0;
  private own = new Map<Kind, Bytes>();
  private readonly outgoing = new Map<string, Chain>();
  private readonly incoming = new Map<string, Chain>();
  /** First messages that were used: a replay would set the chain back. */
  private readonly firsts = new Set<string>();
  private readonly pleased = new Map<string, number>();

  constructor(
    private readonly conference: Bytes,
    private readonly call: SigningKeys,
    private readonly callX25519: X25519Keys,
  ) {
    this.renew();
  }

  current(): BaseKeys {
    return { generation: this.generation, keys: new Map(this.own) };
  }

  /** Somebody left: new keys that nobody can derive from the old ones. */
  renew(): void {
    this.generation = (this.generation + 1) & 0xffff;
    for (const each of kinds) this.own.set(each, crypto.getRandomValues(new Uint8Array(16)));
  }

  /** Somebody came: forward, so that they cannot read what was before. */
  async forward(): Promise<void> {
    this.generation = (this.generation + 1) & 0xffff;
    for (const each of kinds) this.own.set(each, await ratchet(this.own.get(each)!));
  }

  /** Chains of those who left go, so that coming back starts anew. */
  forget(call: Uint8Array): void {
    this.outgoing.delete(hex(call));
    this.incoming.delete(hex(call));
  }

  private info(sender: Uint8Array, recipient: Uint8Array): Bytes {
    return concat(text("conclave/sender-key/1"), this.conference, sender, recipient);
  }

  private plaintext(rosterHash: Uint8Array): Bytes {
    return concat(encode([this.generation, rosterHash, kinds.map((each) => [each, this.own.get(each)])]));
  }

  /** The message that gives `peer` our current keys. */
  async messageFor(peer: Peer, rosterHash: Uint8Array): Promise<Bytes> {
    const chain = this.outgoing.get(hex(peer.call));
    if (!chain) return this.firstFor(peer, rosterHash);
    const number = chain.number + 1;
    const key = await step(chain);
    const aad = concat(this.call.publicKey, peer.call, uint(number, 8));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(sealing(aad), key, this.plaintext(rosterHash)));
    return concat(encode([1, messageKind.next, this.call.publicKey, peer.call, number, sealed]));
  }

  private async firstFor(peer: Peer, rosterHash: Uint8Array): Promise<Bytes> {
    const { enc, context } = await setupSender(peer.callX25519, this.info(this.call.publicKey, peer.call));
    const sealed = await context.seal(this.plaintext(rosterHash));
    const digest = await sha256(sealed);
    const signature = await this.call.sign(
      "conclave/sender-key/1",
      concat(this.conference, this.call.publicKey, peer.call, enc, digest),
    );
    this.outgoing.set(hex(peer.call), await this.chainOf(context));
    return concat(encode([1, messageKind.first, this.call.publicKey, peer.call, enc, sealed, signature]));
  }

  private async chainOf(context: HpkeContext): Promise<Chain> {
    return { secret: await context.export(text("conclave/chain/1"), 32), number: 0 };
  }

  /** Asks `peer` for its keys once more; null if we did a moment ago. */
  async please(peer: Peer, nowMs: number): Promise<Bytes | null> {
    const name = hex(peer.call);
    if (nowMs - (this.pleased.get(name) ?? -Infinity) < pleaseEveryMs) return null;
    this.pleased.set(name, nowMs);
    const signature = await this.call.sign("conclave/please/1", concat(this.conference, this.call.publicKey, peer.call));
    return concat(encode([1, messageKind.please, this.call.publicKey, peer.call, signature]));
  }

  /** The one place where key messages are believed. Throws Malformed. `isMember` says whether a call key counts. */
  async receive(bytes: Uint8Array, isMember: (call: Bytes) => boolean): Promise<Received> {
    const all = list(bytes);
    const [version, type, sender, recipient] = all;
    if (version !== 1 || !(sender instanceof Uint8Array) || !(recipient instanceof Uint8Array))
      throw new Malformed("key message");
    const from = concat(sender);
    if (!same(recipient, this.call.publicKey) || !isMember(from)) throw new Malformed("not between us");
    if (type === messageKind.first) return { type: "keys", call: from, base: await this.openFirst(from, all) };
    if (type === messageKind.next) return { type: "keys", call: from, base: await this.openNext(from, all) };
    if (type === messageKind.please) {
      const proof = concat(this.conference, from, this.call.publicKey);
      if (!(await verify(from, "conclave/please/1", proof, all[4] as Bytes))) throw new Malformed("signature");
      // Whoever asks anew may have lost our chain with everything else.
      this.outgoing.delete(hex(from));
      return { type: "please", call: from };
    }
    throw new Malformed("unknown key message");
  }

  private async openFirst(from: Bytes, all: unknown[]): Promise<BaseKeys> {
    const [enc, sealed, signature] = all.slice(4) as [Bytes, Bytes, Bytes];
    if (all.length !== 7 || ![enc, sealed, signature].every((part) => part instanceof Uint8Array))
      throw new Malformed("key message");
    if (this.firsts.has(hex(enc)) || this.firsts.size >= firstsMax) throw new Malformed("replayed");
    const proof = concat(this.conference, from, this.call.publicKey, enc, await sha256(sealed));
    if (!(await verify(from, "conclave/sender-key/1", proof, signature))) throw new Malformed("signature");
    const context = await setupRecipient(enc, this.callX25519, this.info(from, this.call.publicKey));
    const base = this.readPlaintext(await context.open(sealed));
    this.firsts.add(hex(enc));
    this.incoming.set(hex(from), await this.chainOf(context));
    return base;
  }

  private async openNext(from: Bytes, all: unknown[]): Promise<BaseKeys> {
    const [number, sealed] = all.slice(4) as [number, Bytes];
    const known = this.incoming.get(hex(from));
    if (all.length !== 6 || !Number.isSafeInteger(number) || !(sealed instanceof Uint8Array) || !known)
      throw new Malformed("key message");
    if (number <= known.number || number > known.number + skipMax) throw new Malformed("out of order");
    // Kept aside until the message has authenticated.
    const chain = { ...known };
    let key: CryptoKey | undefined;
    while (chain.number < number) key = await step(chain);
    const aad = concat(from, this.call.publicKey, uint(number, 8));
    let plaintext: Bytes;
    try {
      plaintext = new Uint8Array(await crypto.subtle.decrypt(sealing(aad), key!, concat(sealed)));
    } catch {
      throw new Malformed("does not open");
    }
    this.incoming.set(hex(from), chain);
    return this.readPlaintext(plaintext);
  }

  private readPlaintext(plaintext: Uint8Array): BaseKeys {
    const [generation, , pairs] = list(plaintext) as [number, Bytes, [Kind, Bytes][]];
    if (!Number.isInteger(generation) || generation < 0 || generation > 0xffff || !Array.isArray(pairs) || pairs.length > 8)
      throw new Malformed("base keys");
    const keys = new Map<Kind, Bytes>();
    for (const [of, key] of pairs) {
      if (!(key instanceof Uint8Array) || (key.length !== 16 && key.length !== 32)) throw new Malformed("base key");
      keys.set(of, concat(key));
    }
    return { generation, keys };
  }
}
