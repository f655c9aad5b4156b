/** Ed25519 and X25519 key pairs by WebCrypto, and the map from one to the other. docs/identity.md. */
import { type Bytes, concat, fromHex, Malformed } from "./bytes";
import { named } from "./hash";

// PKCS #8 wrappings of a 32-byte seed (RFC 8410): all but the seed is constant.
const ed25519Prefix = fromHex("302e020100300506032b657004220420");
const x25519Prefix = fromHex("302e020100300506032b656e04220420");

function fromJwk(x: string | undefined): Bytes {
  const raw = atob((x ?? "").replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0));
}

/** Signs `domain ‖ 0x00 ‖ message`. */
export class SigningKeys {
  private constructor(
    readonly publicKey: Bytes,
    private readonly secret: CryptoKey,
  ) {}

  static generate(): Promise<SigningKeys> {
    return SigningKeys.fromSeed(crypto.getRandomValues(new Uint8Array(32)));
  }

  static async fromSeed(seed: Uint8Array): Promise<SigningKeys> {
    const wrapped = concat(ed25519Prefix, seed);
    const exportable = await crypto.subtle.importKey("pkcs8", wrapped, "Ed25519", true, ["sign"]);
    const publicKey = fromJwk((await crypto.subtle.exportKey("jwk", exportable)).x);
    const secret = await crypto.subtle.importKey("pkcs8", wrapped, "Ed25519", false, ["sign"]);
    return new SigningKeys(publicKey, secret);
  }

  async sign(domain: string, message: Uint8Array): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.secret, named(domain, message)));
  }
}

export async function verify(key: Uint8Array, domain: string, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    const imported = await crypto.subtle.importKey("raw", concat(key), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, concat(signature), named(domain, message));
  } catch {
    return false; // not a point of the curve
  }
}

export class X25519Keys {
  private constructor(
    readonly publicKey: Bytes,
    private readonly secret: CryptoKey,
  ) {}

  static generate(): Promise<X25519Keys> {
    return X25519Keys.fromSeed(crypto.getRandomValues(new Uint8Array(32)));
  }

  static async fromSeed(seed: Uint8Array): Promise<X25519Keys> {
    const wrapped = concat(x25519Prefix, seed);
    const exportable = await crypto.subtle.importKey("pkcs8", wrapped, "X25519", true, ["deriveBits"]);
    const publicKey = fromJwk((await crypto.subtle.exportKey("jwk", exportable)).x);
    const secret = await crypto.subtle.importKey("pkcs8", wrapped, "X25519", false, ["deriveBits"]);
    return new X25519Keys(publicKey, secret);
  }

  /** Throws Malformed where the result would be all zero (a point of small order). */
  async shared(theirs: Uint8Array): Promise<Bytes> {
    try {
      const imported = await crypto.subtle.importKey("raw", concat(theirs), "X25519", false, []);
      const bits = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: imported }, this.secret, 256));
      if (bits.every((byte) => byte === 0)) throw new Malformed("small-order point");
      return bits;
    } catch {
      throw new Malformed("not a usable X25519 key");
    }
  }
}

const prime = 2n ** 255n - 19n;

function power(base: bigint, exponent: bigint): bigint {
  let out = 1n;
  for (let e = exponent, b = base % prime; e > 0n; e >>= 1n, b = (b * b) % prime) if (e & 1n) out = (out * b) % prime;
  return out;
}

/** The birational map u = (1 + y) / (1 − y) of RFC 7748, section 4.1, on public keys. */
export function toX25519(ed25519: Uint8Array): Bytes {
  if (ed25519.length !== 32) throw new Malformed("an Ed25519 key has 32 bytes");
  let y = 0n;
  for (let i = 31; i >= 0; --i) y = (y << 8n) | BigInt(i === 31 ? ed25519[i]! & 0x7f : ed25519[i]!);
  if (y >= prime || y === 1n) throw new Malformed("not a usable Ed25519 key");
  let u = ((1n + y) * power((1n - y + prime) % prime, prime - 2n)) % prime;
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; ++i, u >>= 8n) out[i] = Number(u & 0xffn);
  return out;
}
