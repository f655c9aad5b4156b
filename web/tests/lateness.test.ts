import { describe, expect, test } from "vitest";
import { Lateness, waitMaxMs } from "../src/e2ee/lateness";

/** Pictures 66 ms apart from `from` on, each as late as `late` says; the last wait that was decided. */
function play(lateness: Lateness, from: number, count: number, late: (i: number) => number, first = 0): number | null {
  let out: number | null = null;
  for (let i = 0; i < count; ++i) {
    const sent = from + i * 66;
    out = lateness.hear((first + sent * 90) >>> 0, sent + 40 + late(i)) ?? out;
  }
  return out;
}

describe("how long pictures wait", () => {
  test("not at all where they come evenly, or late by what nobody sees", () => {
    expect(play(new Lateness(), 0, 200, () => 0)).toBeNull();
    expect(play(new Lateness(), 0, 200, (i) => (i % 10 === 0 ? 35 : 0))).toBeNull();
  });
  test("somewhat longer than the latest came", () => {
    expect(play(new Lateness(), 0, 300, (i) => (i % 50 === 49 ? 200 : 0))).toBe(300);
    expect(play(new Lateness(), 0, 300, (i) => (i % 50 === 49 ? 60 : 0))).toBe(40);
    expect(play(new Lateness(), 0, 300, (i) => (i % 50 === 49 ? 1200 : 0))).toBe(waitMaxMs);
  });
  test("what happened once counts for little", () => {
    expect(play(new Lateness(), 0, 200, (i) => (i === 100 ? 400 : 0))).toBeNull();
    expect(play(new Lateness(), 0, 300, (i) => (i === 250 ? 400 : i % 50 === 49 ? 50 : 0))).toBe(160);
  });
  test("no longer once it is over", () => {
    const lateness = new Lateness();
    expect(play(lateness, 0, 200, (i) => (i % 50 === 49 ? 200 : 0))).toBe(300);
    expect(play(lateness, 200 * 66, 1500, () => 0)).toBe(0);
  });
  test("shorter only little by little: pictures that are too late all of a sudden are dropped", () => {
    const lateness = new Lateness();
    let waits = play(lateness, 0, 200, (i) => (i % 50 === 49 ? 200 : 0)) ?? 0;
    for (let second = 0; second < 100; ++second) {
      const next = play(lateness, (200 + second * 15) * 66, 15, () => 0) ?? waits;
      expect(waits - next).toBeLessThanOrEqual(10);
      waits = next;
    }
    expect(waits).toBe(0);
  });
  test("the pictures that a slot begins with do not count, nor a pause, nor another sender", () => {
    expect(play(new Lateness(), 0, 200, (i) => (i < 20 ? 1000 - i * 50 : 0))).toBeNull();
    const paused = new Lateness();
    play(paused, 0, 100, () => 0);
    expect(play(paused, 100 * 66, 200, () => 5000)).toBeNull();
    expect(play(paused, 300 * 66, 200, () => 5000, 1e9)).toBeNull();
  });
  test("timestamps wrap", () => {
    expect(play(new Lateness(), 0, 200, () => 0, 2 ** 32 - 5 * 90_000)).toBeNull();
  });
});
