import { describe, expect, test } from "vitest";
import { kind } from "../src/conference/sender_keys";
import { hex, Malformed } from "../src/crypto/bytes";
import { decodeHeader, encodeHeader, FrameKey } from "../src/crypto/sframe";
import { Opener, ReplayWindow, Sealer, splitFrame } from "../src/e2ee/frame";

/** Mulberry32: the same numbers at every run. */
function numbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("the replay window", () => {
  test("says of every counter what a list of all that came would say", () => {
    const random = numbers(7);
    for (let round = 0; round < 40; ++round) {
      const window = new ReplayWindow();
      const all = new Set<number>();
      let greatest = -1;
      let at = round % 2 === 0 ? 0 : 2 ** 31 - 2000;
      for (let i = 0; i < 2000; ++i) {
        const jump = random();
        at = Math.max(0, at + (jump < 0.6 ? 1 : Math.floor((random() - 0.4) * (jump < 0.9 ? 40 : 3000))));
        const expected = all.has(at) || at <= greatest - 1024;
        expect(window.has(BigInt(at)), `${at} after ${greatest}`).toBe(expected);
        if (expected) continue;
        window.add(BigInt(at));
        all.add(at);
        greatest = Math.max(greatest, at);
      }
    }
  });
  test("forgets what is added when the window has gone on, and nothing else", () => {
    const window = new ReplayWindow();
    window.add(5000n);
    window.add(100n);
    expect([window.has(100n), window.has(100n + 4096n), window.has(5000n)]).toEqual([true, false, true]);
  });
  test("takes no counter that it could not tell from its neighbour", () => {
    expect(() => new ReplayWindow().add(2n ** 53n)).toThrow(Malformed);
    expect(() => new ReplayWindow().add(2n ** 64n - 1n)).toThrow(Malformed);
  });
});

test("headers come back as they were, and numbers in more bytes than they need do not pass", () => {
  const random = numbers(11);
  for (let i = 0; i < 2000; ++i) {
    const some = () => BigInt(Math.floor(random() * 2 ** 32)) << BigInt(Math.floor(random() * 33)) >> BigInt(Math.floor(random() * 60));
    const [kid, counter] = [some(), some()];
    const encoded = encodeHeader(kid, counter);
    expect(decodeHeader(encoded)).toEqual({ kid, counter, length: encoded.length });
    for (let cut = 0; cut < encoded.length; ++cut) expect(() => decodeHeader(encoded.subarray(0, cut))).toThrow(Malformed);
  }
  for (const long of [[0x08, 7], [0x09, 0, 9], [0x80, 0], [0x90, 0, 255]]) expect(() => decodeHeader(Uint8Array.from(long))).toThrow(Malformed);
});

test("frames that are sealed and opened at the same time do not disturb each other", async () => {
  const call = crypto.getRandomValues(new Uint8Array(32));
  const baseKeys = [0, 1, 2].map(() => crypto.getRandomValues(new Uint8Array(16)));
  const kinds = [kind.audio, kind.video, kind.screen];
  const sealers = kinds.map((of) => new Sealer(call, of));
  const openers = kinds.map((of) => new Opener(call, of));
  await Promise.all(kinds.map(async (_, i) => Promise.all([sealers[i]!.use(1, baseKeys[i]!), openers[i]!.use(1, baseKeys[i]!)])));
  const frames = Array.from({ length: 60 }, (_, i) => crypto.getRandomValues(new Uint8Array(1 + ((i * 37) % 300))));
  const sealed = await Promise.all(frames.map((frame, i) => sealers[i % 3]!.seal(frame)));
  const opened = await Promise.all(sealed.map((frame, i) => {
    const { clear, header } = splitFrame(kinds[i % 3]!, frame!);
    return openers[i % 3]!.open(frame!, header, clear);
  }));
  expect(opened.map((frame) => hex(frame!))).toEqual(frames.map(hex));
});

test("a key of one sender opens nothing of another", async () => {
  const [one, other] = await Promise.all([1, 2].map((byte) => FrameKey.derive(9n, new Uint8Array(16).fill(byte))));
  const sealed = await one!.seal(0n, new Uint8Array(0), new Uint8Array(50));
  await expect(other!.open(decodeHeader(sealed), new Uint8Array(0), sealed)).rejects.toBeInstanceOf(Malformed);
});
