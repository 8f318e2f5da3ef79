import { expect, test } from "vitest";
import { divergingColour, loadColour, type Rgb } from "./diverging.ts";
import { sequentialColour } from "./sequential.ts";

/** Relative luminance, WCAG 2.2: 0 is black, 1 is white. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((value) => {
    const channel = value / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
const places = Array.from({ length: 41 }, (_, place) => place / 40);
const THEMES = ["light", "dark"] as const;

test.each(THEMES)("%s: less than the middle is blue, more is red, and the middle stands out least", (theme) => {
  for (const place of [0, 0.1, 0.25]) {
    const [red, , blue] = divergingColour(place, theme);
    expect(blue).toBeGreaterThan(red);
    const [moreRed, , lessBlue] = divergingColour(1 - place, theme);
    expect(moreRed).toBeGreaterThan(lessBlue);
  }
  const middle = luminance(divergingColour(0.5, theme));
  const luminances = places.map((place) => luminance(divergingColour(place, theme)));
  expect(theme === "light" ? Math.max(...luminances) : Math.min(...luminances)).toBeCloseTo(middle, 1);
});

test.each(THEMES)("%s: the relative load is on a scale of factors of two around the fair share", (theme) => {
  expect(loadColour(1, theme)).toEqual(divergingColour(0.5, theme));
  expect(loadColour(2, theme)).toEqual(divergingColour(0.75, theme));
  expect(loadColour(0.5, theme)).toEqual(divergingColour(0.25, theme));
  expect([loadColour(0, theme), loadColour(0.1, theme)]).toEqual([0, 0].map(() => divergingColour(0, theme)));
  expect(loadColour(64, theme)).toEqual(divergingColour(1, theme));
});

test.each([
  ["light", -1],
  ["dark", 1],
] as const)("%s: the more, the further from the surface, without a step back", (theme, direction) => {
  const luminances = places.map((place) => direction * luminance(sequentialColour(place, theme)));
  expect(luminances).toEqual(luminances.toSorted((a, b) => a - b));
  expect(Math.abs(luminances.at(-1)! - luminances[0]!)).toBeGreaterThan(0.4);
});

test.each(THEMES)("%s: what is beyond the scale is clipped to its ends, and every colour is one", (theme) => {
  for (const colour of [divergingColour, sequentialColour]) {
    expect(colour(-3, theme)).toEqual(colour(0, theme));
    expect(colour(7, theme)).toEqual(colour(1, theme));
    for (const place of places) {
      for (const channel of colour(place, theme)) {
        expect(Number.isInteger(channel) && channel >= 0 && channel <= 255).toBe(true);
      }
    }
  }
});
