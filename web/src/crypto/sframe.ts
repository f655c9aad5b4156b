/** SFrame (RFC 9605) with AES_128_GCM_SHA256_128: the header, the key schedule, sealing and opening one frame. */
import { type Bytes, concat, Malformed, text, uint } from "./bytes";
import { hkdfExpand, hkdfExtract } from "./hash";

const cipherSuite = uint(0x0004, 2);
export const tagLength = 16;

/** The shortest big-endian form, at least one byte. */
function shortest(value: bigint): Bytes {
  let length = 1;
  while (length < 8 && value >> BigInt(8 * length) !== 0n) ++length;
  return uint(value, length);
}

/** Section 4.3: values below 8 stand in the config byte, others behind it with their length. */
export function encodeHeader(kid: bigint, counter: bigint): Bytes {
  const kidBytes = kid < 8n ? new Uint8Array(0) : shortest(kid);
  const counterBytes = counter < 8n ? new Uint8Array(0) : shortest(counter);
  const k = kid < 8n ? Number(kid) : 8 | (kidBytes.length - 1);
  const c = counter < 8n ? Number(counter) : 8 | (counterBytes.length - 1);
  return concat(Uint8Array.of((k << 4) | c), kidBytes, counterBytes);
}

export interface Header {
  kid: bigint;
  counter: bigint;
  length: number;
}

/** The one place where a header from outside is read. Throws Malformed. */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length === 0) throw new Malformed("no SFrame header");
  const config = bytes[0]!;
  let at = 1;
  const number = (nibble: number): bigint => {
    if ((nibble & 8) === 0) return BigInt(nibble);
    const length = (nibble & 7) + 1;
    if (at + length > bytes.length) throw new Malformed("SFrame header is cut off");
    let value = 0n;
    for (let i = 0; i < length; ++i) value = (value << 8n) | BigInt(bytes[at++]!);
    if (value < 8n || value >> BigInt(8 * (length - 1)) === 0n) throw new Malformed("number in more bytes than it needs");
    return value;
  };
  const kid = number(config >> 4);
  const counter = number(config & 15);
  return { kid, counter, length: at };
}

/** Keys of one (sender, kind, generation). The base key itself is kept by whoever ratchets it. */
export class FrameKey {
  private constructor(
    readonly kid: bigint,
    private readonly key: CryptoKey,
    private readonly salt: Bytes,
  ) {}

  /** Section 4.4.2. */
  static async derive(kid: bigint, baseKey: Uint8Array): Promise<FrameKey> {
    const secret = await hkdfExtract(new Uint8Array(0), baseKey);
    const info = concat(uint(kid, 8), cipherSuite);
    const key = await hkdfExpand(secret, concat(text("SFrame 1.0 Secret key "), info), 16);
    const salt = await hkdfExpand(secret, concat(text("SFrame 1.0 Secret salt "), info), 12);
    const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    return new FrameKey(kid, imported, salt);
  }

  private nonce(counter: bigint): Bytes {
    const out = this.salt.slice();
    const low = uint(counter, 8);
    for (let i = 0; i < 8; ++i) out[4 + i]! ^= low[i]!;
    return out;
  }

  /** `header ‖ ciphertext ‖ tag`; `metadata` is authenticated and not included. */
  async seal(counter: bigint, metadata: Uint8Array, plaintext: Uint8Array): Promise<Bytes> {
    const header = encodeHeader(this.kid, counter);
    const parameters = { name: "AES-GCM", iv: this.nonce(counter), additionalData: concat(header, metadata) };
    return concat(header, new Uint8Array(await crypto.subtle.encrypt(parameters, this.key, concat(plaintext))));
  }

  /** `sealed` starts at the header. Throws Malformed where it does not authenticate. */
  async open(header: Header, metadata: Uint8Array, sealed: Uint8Array): Promise<Bytes> {
    const aad = concat(sealed.subarray(0, header.length), metadata);
    const parameters = { name: "AES-GCM", iv: this.nonce(header.counter), additionalData: aad };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters, this.key, concat(sealed.subarray(header.length))));
    } catch {
      throw new Malformed("the frame does not authenticate");
    }
  }
}
