/** SFrame (RFC 9605) with AES_128_GCM_SHA256_128: the header, the key schedule, sealing and opening one frame. */
import { type Bytes, concat, Malformed, text, uint } from "./bytes";
import { hkdfExpand, hkdfExtract } from "./hash";

const cipherSuite = uint(0x0004, 2);
export const tagLength = 16;

/** The longest header: config byte, key id and counter. */
const headerMax = 17;
// Hundreds of frames a second come through here, and what each of them allocates the collector has to find again, while
// pictures wait: numbers are read and written in one piece, and what WebCrypto copies at once is made in one place.
const number = new DataView(new ArrayBuffer(8));
const numberBytes = new Uint8Array(number.buffer);

/** Writes the shortest big-endian form, at least one byte; its length. */
function putShortest(into: Uint8Array, at: number, value: bigint): number {
  number.setBigUint64(0, value);
  let first = 0;
  while (first < 7 && numberBytes[first] === 0) ++first;
  for (let i = first; i < 8; ++i) into[at++] = numberBytes[i]!;
  return 8 - first;
}

/** Section 4.3: values below 8 stand in the config byte, others behind it with their length. The header's length. */
function putHeader(into: Uint8Array, kid: bigint, counter: bigint): number {
  let length = 1;
  const nibble = (value: bigint): number => {
    if (value < 8n) return Number(value);
    const size = putShortest(into, length, value);
    length += size;
    return 8 | (size - 1);
  };
  into[0] = nibble(kid) << 4;
  into[0] |= nibble(counter);
  return length;
}

export function encodeHeader(kid: bigint, counter: bigint): Bytes {
  const out = new Uint8Array(headerMax);
  return out.slice(0, putHeader(out, kid, counter));
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
  const read = (nibble: number): bigint => {
    if ((nibble & 8) === 0) return BigInt(nibble);
    const length = (nibble & 7) + 1;
    if (at + length > bytes.length) throw new Malformed("SFrame header is cut off");
    if (bytes[at] === 0 || (length === 1 && bytes[at]! < 8)) throw new Malformed("number in more bytes than it needs");
    numberBytes.fill(0);
    for (let i = 8 - length; i < 8; ++i) numberBytes[i] = bytes[at++]!;
    return number.getBigUint64(0);
  };
  const kid = read(config >> 4);
  const counter = read(config & 15);
  return { kid, counter, length: at };
}

const nonce = new Uint8Array(12);

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
    nonce.set(this.salt);
    number.setBigUint64(0, counter);
    for (let i = 0; i < 8; ++i) nonce[4 + i]! ^= numberBytes[i]!;
    return nonce;
  }

  /** `metadata ‖ header ‖ ciphertext ‖ tag`; the tag authenticates the metadata as well. */
  async seal(counter: bigint, metadata: Uint8Array, plaintext: Uint8Array): Promise<Bytes> {
    const header = encodeHeader(this.kid, counter);
    const parameters = { name: "AES-GCM", iv: this.nonce(counter), additionalData: concat(header, metadata) };
    const sealed = await crypto.subtle.encrypt(parameters, this.key, plaintext as Bytes);
    return concat(metadata, header, new Uint8Array(sealed));
  }

  /** `sealed` starts at the header; gives `metadata ‖ plaintext`. Throws Malformed where it does not authenticate. */
  async open(header: Header, metadata: Uint8Array, sealed: Uint8Array): Promise<Bytes> {
    const start = sealed.subarray(0, header.length) as Bytes;
    const additionalData = metadata.length === 0 ? start : concat(start, metadata);
    const parameters = { name: "AES-GCM", iv: this.nonce(header.counter), additionalData };
    try {
      const plaintext = await crypto.subtle.decrypt(parameters, this.key, sealed.subarray(header.length) as Bytes);
      return metadata.length === 0 ? new Uint8Array(plaintext) : concat(metadata, new Uint8Array(plaintext));
    } catch {
      throw new Malformed("the frame does not authenticate");
    }
  }
}
