import { describe, expect, test } from "vitest";
import { luma, readImage } from "../../lib/data/image.ts";
import { oracle } from "../support/oracles.ts";
import { fixtures, goldens, unpack } from "./support/goldens.ts";

test("oracle preproc.luma", () => {
  const { inputs, expected } = oracle("preproc.luma");
  expect(inputs.rgb.map(([r, g, b]: [number, number, number]) => luma(r, g, b))).toEqual(expected.L);
});

describe("every mode that Pillow writes becomes Pillow's 8-bit grey", () => {
  test.each(Object.entries(goldens.modes))("%s", async (name, { size: [width, height], pixels }) => {
    const image = await readImage(`${fixtures}modes/${name}`);
    expect([image.width, image.height]).toEqual([width, height]);
    expect([...image.pixels]).toEqual([...unpack(pixels)]);
  });
});
