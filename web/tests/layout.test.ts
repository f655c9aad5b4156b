import { describe, expect, test } from "vitest";
import { choose, fit, narrowest, widest } from "../src/ui/layout";
import { quietAt } from "../src/ui/quiet";

describe("tiles", () => {
  test("fit their space, however many there are", () => {
    for (const [width, height] of [[1280, 720], [390, 760], [2560, 400]] as const)
      for (let count = 1; count <= 26; ++count) {
        const grid = fit(count, width, height);
        expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(count);
        expect(grid.columns * grid.width + (grid.columns - 1) * 8).toBeLessThanOrEqual(width + 0.001);
        expect(grid.rows * grid.height + (grid.rows - 1) * 8).toBeLessThanOrEqual(height + 0.001);
        expect(grid.width / grid.height).toBeLessThanOrEqual(widest + 0.001);
        expect(grid.width / grid.height).toBeGreaterThanOrEqual(narrowest - 0.001);
      }
  });

  test("leave little of the room empty", () => {
    const covered = (count: number, width: number, height: number) => {
      const grid = fit(count, width, height);
      return (count * grid.width * grid.height) / (width * height);
    };
    for (const count of [1, 4, 9, 25]) expect(covered(count, 1260, 718)).toBeGreaterThan(0.9);
    for (const count of [2, 3, 5]) expect(covered(count, 1260, 718)).toBeGreaterThan(0.7);
    for (const count of [2, 3, 4, 8]) expect(covered(count, 374, 766)).toBeGreaterThan(0.8);
  });

  const people = ["c", "a", "b"].map((id) => ({ id, name: id, screen: false }));

  test("do not move when somebody else speaks, as long as all are shown", () => {
    const before = choose(people, [], null, [], 9);
    expect(choose(people, ["c", "b"], null, before, 9)).toEqual(before);
  });

  test("show who speaks where not all have room, and what is presented or pinned first", () => {
    expect(choose(people, ["c"], null, [], 1)).toEqual([{ member: "c", screen: false }]);
    const presenting = people.map((each) => ({ ...each, screen: each.id === "b" }));
    expect(choose(presenting, [], null, [], 9)[0]).toEqual({ member: "b", screen: true });
    expect(choose(presenting, [], { member: "c", screen: false }, [], 9)[0]).toEqual({ member: "c", screen: false });
  });
});

test("quiet hours go past midnight where they end before they begin", () => {
  const night = { from: 22, to: 7 };
  expect([21, 22, 23, 0, 6, 7, 12].map((hour) => quietAt(night, hour))).toEqual([false, true, true, true, true, false, false]);
  expect([8, 9, 11, 12].map((hour) => quietAt({ from: 9, to: 12 }, hour))).toEqual([false, true, true, false]);
  expect(quietAt(null, 3)).toBe(false);
});
