import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../src/style/", import.meta.url);
const css = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");

/** WCAG 2.2, relative luminance. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}
const colours = new Map([...css.matchAll(/--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name, light, dark]) => [name!, [light!, dark!] as const]));

test("what is written can be read, in light and in dark: contrast AA", () => {
  const grounds = ["back", "raised", "sunken", "hover", "accent-soft"];
  for (const [ink, on] of [
    ...["text", "faint"].flatMap((ink) => grounds.map((on) => [ink, on] as const)),
    ...["accent", "danger", "good", "note"].flatMap((ink) => ["back", "raised"].map((on) => [ink, on] as const)),
    ["on-accent", "accent"] as const,
    ["on-accent", "accent-hover"] as const,
  ])
    for (const scheme of [0, 1]) {
      const ratio = contrast(colours.get(ink)![scheme]!, colours.get(on)![scheme]!);
      expect(ratio, `${ink} on ${on}, ${scheme ? "dark" : "light"}`).toBeGreaterThanOrEqual(4.5);
    }
});

test("nothing has a left or a right: the page reads from right to left as well", () => {
  const sided = [...css.matchAll(/[\s{;](?:(?:margin|padding|border)-(?:left|right)|left|right|text-align: (?:left|right))\s*:/g)].map(([found]) => found);
  expect(sided).toEqual([]);
});

test("motion stops for those who asked for less of it", () => {
  expect(css).toMatch(/prefers-reduced-motion: reduce\) \{ \*[^}]*transition: none[^}]*animation: none/);
});
