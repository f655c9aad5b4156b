/** Which bytes of an encoded frame stay in the clear, and the two halves of whole-frame encryption. */
import { type Bytes, hex, Malformed, same } from "../crypto/bytes";
import { decodeHeader, FrameKey, type Header } from "../crypto/sframe";
import { keyId, type Kind, kind, ratchet } from "../conference/sender_keys";

/**
 * VP8 (RFC 7741): packetizers read the payload header of key frames (10 bytes) and one byte of others. Opus needs
 * none. The clear bytes are authenticated.
 */
export function clearLength(of: Kind, frame: Uint8Array): number {
  if (of === kind.audio || of === kind.data || frame.length === 0) return 0;
  const keyFrame = (frame[0]! & 1) === 0;
  return Math.min(frame.length, keyFrame ? 10 : 1);
}

/** Seals the frames of one kind. A counter per key: a nonce never comes twice. */
export class Sealer {
  private key: FrameKey | null = null;
  private counter = 0n;

  constructor(
    private readonly call: Bytes,
    private readonly of: Kind,
  ) {}

  private baseKey: Bytes | null = null;

  async use(generation: number, baseKey: Bytes): Promise<void> {
    // The same key again must not set the counter back: that would be a nonce used twice.
    if (this.baseKey && same(this.baseKey, baseKey)) return;
    this.baseKey = baseKey;
    const key = await FrameKey.derive(await keyId(this.call, this.of, generation), baseKey);
    this.key = key;
    this.counter = 0n;
  }

  /** Null while there is no key: the frame must not leave. */
  async seal(frame: Uint8Array): Promise<Bytes | null> {
    if (!this.key) return null;
    const counter = this.counter++;
    const clear = frame.subarray(0, clearLength(this.of, frame));
    return this.key.seal(counter, clear, frame.subarray(clear.length));
  }
}

/** Which counters were seen, back to 1024 behind the greatest: a bit for each. */
export class ReplayWindow {
  private static readonly size = 1024;
  private greatest = -1;
  private readonly seen = new Uint32Array(ReplayWindow.size / 32);

  has(counter: bigint): boolean {
    const at = Number(counter);
    if (at > this.greatest) return false;
    return at <= this.greatest - ReplayWindow.size || (this.seen[(at % ReplayWindow.size) >> 5]! & (1 << (at & 31))) !== 0;
  }
  /** Of a frame that has authenticated. Nobody sends frames until their number is not exact any more: Malformed. */
  add(counter: bigint): void {
    const at = Number(counter);
    if (at > Number.MAX_SAFE_INTEGER) throw new Malformed("a counter beyond all use");
    if (at <= this.greatest - ReplayWindow.size) return; // the window went on while the frame was being opened
    if (at - this.greatest >= ReplayWindow.size) this.seen.fill(0);
    else for (let passed = this.greatest + 1; passed <= at; ++passed) this.seen[(passed % ReplayWindow.size) >> 5]! &= ~(1 << (passed & 31));
    this.greatest = Math.max(this.greatest, at);
    this.seen[(at % ReplayWindow.size) >> 5]! |= 1 << (at & 31);
  }
}

/** A frame that was opened before: an attacker's copy, or a key frame that a node kept for those who ask for one. */
export class Replayed extends Malformed {}

interface Generation {
  number: number;
  baseKey: Bytes;
  key: FrameKey;
  window: ReplayWindow;
}

const generationsMax = 3;
const ratchetMax = 8;

/** Opens the frames of one sender and kind. */
export class Opener {
  private generations: Generation[] = [];

  constructor(
    readonly call: Bytes,
    readonly of: Kind,
  ) {}

  async use(number: number, baseKey: Bytes): Promise<void> {
    const known = this.generations.find((each) => each.number === number);
    if (known && hex(known.baseKey) === hex(baseKey)) return;
    const key = await FrameKey.derive(await keyId(this.call, this.of, number), baseKey);
    this.keep({ number, baseKey, key, window: new ReplayWindow() });
  }

  private keep(generation: Generation): void {
    this.generations = this.generations.filter((each) => each.number !== generation.number);
    this.generations.unshift(generation);
    this.generations.length = Math.min(this.generations.length, generationsMax);
  }

  /** The frame's plaintext; null where the key is not there (yet). Throws Malformed for what is forged or replayed. */
  async open(frame: Uint8Array, header: Header, clear: Uint8Array): Promise<Bytes | null> {
    const sealed = frame.subarray(clear.length);
    const number = Number(header.kid & 0xffffn);
    const known = this.generations.find((each) => each.number === number);
    if (!known) return this.openRatcheted(number, header, clear, sealed);
    if (known.window.has(header.counter)) throw new Replayed("replayed");
    const plaintext = await known.key.open(header, clear, sealed);
    known.window.add(header.counter);
    return plaintext;
  }

  /** Sealed under a generation from before we came: its key is not for us, and will not come. */
  past(header: Header): boolean {
    const newest = this.generations[0];
    if (!newest) return false;
    const number = Number(header.kid & 0xffffn);
    const behind = (newest.number - number) & 0xffff;
    return behind > 0 && behind < 0x8000 && !this.generations.some((each) => each.number === number);
  }

  /** A generation ahead of ours may be the ratchet's next; kept only if the frame authenticates. */
  private async openRatcheted(number: number, header: Header, clear: Uint8Array, sealed: Uint8Array): Promise<Bytes | null> {
    const newest = this.generations[0];
    const steps = newest ? (number - newest.number) & 0xffff : 0;
    if (!newest || steps === 0 || steps > ratchetMax) return null;
    let baseKey = newest.baseKey;
    for (let i = 0; i < steps; ++i) baseKey = await ratchet(baseKey);
    const key = await FrameKey.derive(await keyId(this.call, this.of, number), baseKey);
    try {
      const plaintext = await key.open(header, clear, sealed);
      const window = new ReplayWindow();
      window.add(header.counter);
      this.keep({ number, baseKey, key, window });
      return plaintext;
    } catch {
      return null;
    }
  }
}

/** Splits a received frame into its clear bytes and SFrame header. Throws Malformed. */
export function splitFrame(of: Kind, frame: Uint8Array): { clear: Uint8Array; header: Header } {
  const clear = frame.subarray(0, clearLength(of, frame));
  return { clear, header: decodeHeader(frame.subarray(clear.length)) };
}
