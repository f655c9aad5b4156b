/**
 * The encoded-transform worker: every frame that leaves is sealed here, every one that comes is opened here. Frames
 * that cannot be sealed do not leave; frames that do not open are not shown. docs/calls.md, section 6.
 */
import { keyId, type Kind } from "../conference/sender_keys";
import { type Bytes, concat, hex, text, uint } from "../crypto/bytes";
import { AudioCopies } from "./audio_copies";
import { Opener, Replayed, Sealer, splitFrame } from "./frame";
import { Lateness } from "./lateness";
import { type Figures, type FromWorker, patienceMs, type ToWorker, type TransformOptions } from "./messages";

interface EncodedFrame {
  data: ArrayBuffer;
  /** RTP's. Newer browsers have it in the metadata alone. */
  timestamp?: number;
  getMetadata(): { rtpTimestamp?: number };
}
interface Transformer {
  readable: ReadableStream<EncodedFrame>;
  writable: WritableStream<EncodedFrame>;
  options: TransformOptions;
  /** Of receivers; old browsers lack it, and ask by themselves a little later. */
  sendKeyFrameRequest?(): Promise<void>;
}
/** Not in TypeScript's library yet. */
const scope = self as unknown as Pick<DedicatedWorkerGlobalScope, "postMessage" | "onmessage"> & {
  onrtctransform: (event: { transformer: Transformer }) => void;
};

const sealers = new Map<Kind, Sealer>();
/** By the first 6 bytes of the key id, which name a sender and a kind. */
const openers = new Map<string, Opener>();
/** Resolved whenever a key arrives. */
let { promise: nextKey, resolve: keyCame } = Promise.withResolvers<void>();
const figures: Figures = { sealed: 0, opened: 0, held: 0, refused: 0, repeated: 0, unopened: 0, past: 0 };

const copies = new AudioCopies();

const tell = (message: FromWorker): void => scope.postMessage(message);
const prefixOf = (kid: bigint): string => hex(uint(kid, 8).subarray(0, 6));

async function takeKey(message: Extract<ToWorker, { baseKey: Bytes }>): Promise<void> {
  if (message.type === "own") {
    let sealer = sealers.get(message.kind);
    if (!sealer) sealers.set(message.kind, (sealer = new Sealer(message.call, message.kind)));
    await sealer.use(message.generation, message.baseKey);
    return;
  }
  const prefix = prefixOf(await keyId(message.call, message.kind, 0));
  let opener = openers.get(prefix);
  if (!opener) openers.set(prefix, (opener = new Opener(message.call, message.kind)));
  await opener.use(message.generation, message.baseKey);
  keyCame();
  ({ promise: nextKey, resolve: keyCame } = Promise.withResolvers<void>());
}

// Keys are taken one after the other, so that none overtakes another.
let taking = Promise.resolve();
scope.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "figures") {
    tell({ type: "figures", figures });
  } else if (data.type === "copies") {
    copies.count = data.count;
  } else if (data.type === "forget") {
    const call = hex(data.call);
    for (const [prefix, opener] of openers) if (hex(opener.call) === call) openers.delete(prefix);
  } else {
    taking = taking.then(() => takeKey(data));
  }
};

/** vite.config.ts: empty and false but in builds for one test. */
declare const TEST_MARKER: string;
declare const TEST_CLEAR: boolean;

async function seal(frame: EncodedFrame, kind: Kind): Promise<boolean> {
  // VP8 decoders take no notice of bytes behind a frame; Opus would.
  if (TEST_MARKER && kind !== 1) frame.data = concat(new Uint8Array(frame.data), text(TEST_MARKER)).buffer;
  if (TEST_CLEAR) return true;
  const sealed = await sealers.get(kind)?.seal(new Uint8Array(frame.data));
  if (!sealed) {
    ++figures.held;
    if (kind === 1) copies.interrupt();
    return false;
  }
  frame.data = (kind === 1 ? copies.wrap(sealed) : sealed).buffer;
  ++figures.sealed;
  return true;
}

/** A picture cannot be shown without its key frame: how often one is asked for while none opens. */
const askEveryMs = 200;

/** What one slot remembers between frames. */
class Slot {
  private kid = -1n;
  private prefix = "";
  private speaking = "";
  private missing: { prefix: string; since: number } | null = null;
  private asked = -Infinity;
  private readonly lateness = new Lateness();

  constructor(private readonly transformer: Transformer) {}

  private get options(): TransformOptions {
    return this.transformer.options;
  }

  /** Mostly that of the frame before. */
  private prefixOf(kid: bigint): string {
    if (kid !== this.kid) {
      this.kid = kid;
      this.prefix = prefixOf(kid);
    }
    return this.prefix;
  }

  private askKeyFrame(): void {
    if (this.options.kind === 1 || performance.now() - this.asked < askEveryMs) return;
    this.asked = performance.now();
    void this.transformer.sendKeyFrameRequest?.().catch(() => {});
  }

  private lookAtClock(frame: EncodedFrame): void {
    if (this.options.kind === 1) return;
    const timestamp = frame.timestamp ?? frame.getMetadata().rtpTimestamp;
    const ms = timestamp === undefined ? null : this.lateness.hear(timestamp, performance.now());
    if (ms !== null) tell({ type: "late", slot: this.options.slot, ms });
  }

  async open(frame: EncodedFrame): Promise<boolean> {
    if (TEST_CLEAR) return true;
    this.lookAtClock(frame);
    const bytes = new Uint8Array(frame.data);
    try {
      const { clear, header } = splitFrame(this.options.kind, bytes);
      const prefix = this.prefixOf(header.kid);
      let plaintext = await openers.get(prefix)?.open(bytes, header, clear);
      // The key may be on its way: wait for it, but not with every frame anew.
      while (!plaintext && !openers.get(prefix)?.past(header) && this.mayWait(prefix)) {
        await Promise.race([nextKey, new Promise((resolve) => setTimeout(resolve, 50))]);
        plaintext = await openers.get(prefix)?.open(bytes, header, clear);
      }
      if (!plaintext) {
        if (openers.get(prefix)?.past(header)) ++figures.past;
        else ++figures.unopened;
        this.askKeyFrame();
        return false;
      }
      this.missing = null;
      if (this.speaking !== prefix) {
        this.speaking = prefix;
        this.lateness.restart();
        tell({ type: "speaks", slot: this.options.slot, call: openers.get(prefix)!.call, kind: this.options.kind });
      }
      frame.data = plaintext.buffer;
      ++figures.opened;
      return true;
    } catch (error) {
      if (error instanceof Replayed) {
        ++figures.repeated; // it was shown: nothing is missing
      } else {
        ++figures.refused;
        this.askKeyFrame();
      }
      return false;
    }
  }

  private mayWait(prefix: string): boolean {
    const now = performance.now();
    if (this.missing?.prefix !== prefix) {
      this.missing = { prefix, since: now };
      tell({ type: "missing", slot: this.options.slot, prefix });
    }
    if (now - this.missing.since < patienceMs) return true;
    // Ask again now and then: the message that had the key may have been lost.
    if (now - this.missing.since > 2000) this.missing = null;
    return false;
  }
}

/** A loop of our own: a TransformStream in between costs each frame a few turns of the thread, and there are hundreds a second. */
async function carry(frames: ReadableStream<EncodedFrame>, onward: WritableStream<EncodedFrame>, passes: (frame: EncodedFrame) => Promise<boolean>): Promise<void> {
  const reader = frames.getReader();
  const writer = onward.getWriter();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (await passes(value)) await writer.write(value);
  }
}

scope.onrtctransform = ({ transformer }) => {
  const { options } = transformer;
  const slot = new Slot(transformer);
  const passes = (frame: EncodedFrame) => (options.direction === "send" ? seal(frame, options.kind) : slot.open(frame));
  void carry(transformer.readable, transformer.writable, passes).catch(() => {});
};
