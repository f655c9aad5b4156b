import { describe, expect, test } from "vitest";
import { AudioCopies } from "../src/e2ee/audio_copies";
import { hex } from "../src/crypto/bytes";

const frame = (...bytes: number[]) => new Uint8Array(bytes);

describe("copies of earlier audio frames", () => {
  test("none go along unless the node has asked", () => {
    const copies = new AudioCopies();
    copies.wrap(frame(0x91));
    expect(hex(copies.wrap(frame(0x92)))).toBe("92");
  });
  test("the layout is what the node reads (tests/node/calls_audio_test.cpp has the same bytes)", () => {
    const copies = new AudioCopies();
    copies.count = 2;
    expect(hex(copies.wrap(frame(0x91)))).toBe("91");
    expect(hex(copies.wrap(frame(0x92, 2)))).toBe("01" + "0001" + "91" + "9202");
    expect(hex(copies.wrap(frame(0x93, 3, 3)))).toBe("02" + "0002" + "0001" + "9202" + "91" + "930303");
  });
  test("a copy outlives the frame whose buffer the browser has taken", () => {
    const copies = new AudioCopies();
    copies.count = 1;
    const sent = copies.wrap(frame(0x91, 1));
    structuredClone(sent.buffer, { transfer: [sent.buffer] });
    expect(hex(copies.wrap(frame(0x92)))).toBe("01" + "0002" + "9101" + "92");
  });
  test("what was held back leaves no copy that would stand for it", () => {
    const copies = new AudioCopies();
    copies.count = 2;
    copies.wrap(frame(0x91));
    copies.interrupt();
    expect(hex(copies.wrap(frame(0x92)))).toBe("92");
  });
});
