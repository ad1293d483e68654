import { afterEach, describe, expect, test, vi } from "vitest";
import sharp from "sharp";
import { bundlesOf, show, type Shown } from "../../lib/notebook/show.ts";
import { isKernel } from "../../lib/notebook/kernel.ts";
import { audit } from "../../lib/data/audit.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import type { Volume } from "../../lib/data/types.ts";
import type { Figure } from "../../lib/report/figure.ts";
import { html } from "../../lib/report/html.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

afterEach(() => vi.restoreAllMocks());

const svg = (content: string, width = 40) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" viewBox="0 0 ${width} 20">${content}</svg>`;
const figure = (content: string, width?: number): Figure => ({
  name: "f",
  title: "Title",
  caption: "What there is to see.",
  svg: svg(content, width),
  rows: [],
});
const pixel = "data:image/png;base64," +
  (await sharp({ create: { width: 1, height: 1, channels: 3, background: "#808080" } }).png().toBuffer())
    .toString("base64");
const volume: Volume = {
  voxels: new Uint8Array(4 * 6 * 6).fill(90),
  shape: [4, 6, 6],
  intensity: "uint8",
  source: "drawn",
};
const typesOf = async (value: Shown) => (await bundlesOf(value, {})).map((bundle) => Object.keys(bundle).sort());

describe("what is shown", () => {
  test("a drawing stays an SVG, one with photographs becomes a PNG", async () => {
    expect(await typesOf(figure("<rect width='3' height='3'/>"))).toEqual([["image/svg+xml", "text/plain"]]);
    const [bundle] = await bundlesOf(figure(`<image href="${pixel}" width="20" height="20"/>`), {});
    expect(Object.keys(bundle!).sort()).toEqual(["image/png", "text/plain"]);
    expect(bundle!["text/plain"]).toBe("Title. What there is to see.");
  });

  test.each([[40, 60], [800, 900], [1200, 1200]])("a picture %i wide is %i pixels", async (width, pixels) => {
    const [bundle] = await bundlesOf(figure(`<image href="${pixel}" width="20" height="20"/>`, width), {});
    expect((await sharp(Uint8Array.fromBase64(bundle!["image/png"]!)).metadata()).width).toBe(pixels);
  });

  test("volumes are montages, records and tables are tables, text is text", async () => {
    expect(await typesOf(volume)).toEqual([["image/png", "text/plain"]]);
    expect(await typesOf([{ a: 1 }])).toEqual([["text/html", "text/plain"]]);
    expect(await typesOf({ head: ["a"], rows: [[1]] })).toEqual([["text/html", "text/plain"]]);
    expect(await typesOf(html`<p>x</p>`)).toEqual([["text/html", "text/plain"]]);
    expect(await bundlesOf("hello", {})).toEqual([{ "text/plain": "hello" }]);
    expect(await bundlesOf({ bundle: () => ({ "text/plain": "mine" }) }, {})).toEqual([{ "text/plain": "mine" }]);
  });

  test("a caption of the call goes before the table's own", async () => {
    const table = { head: ["a"], rows: [[1]], caption: "own" };
    expect((await bundlesOf(table, {}))[0]!["text/plain"]).toMatch(/^own\n/);
    expect((await bundlesOf(table, { caption: "given" }))[0]!["text/plain"]).toMatch(/^given\n/);
  });

  test("the options of a montage are heard: plane, slices, overlay", async () => {
    const [coronal] = await bundlesOf(volume, { plane: "coronal", slices: 3 });
    expect(coronal!["text/plain"]).toContain("3 of 6 coronal slices");
    await expect(bundlesOf(volume, { overlay: [1] })).rejects.toMatchObject({ code: "montage.overlay" });
  });

  test("a scan is its slices, an audit the paper's table with the whole report as text", () =>
    withTemporaryFolder(async (directory) => {
      const dataset = await openDataset({ directory: await writeTinyDataset({ directory, train: 2, validation: 2 }) });
      const [scan] = await bundlesOf(dataset.scans[0]!, { slices: 2 });
      expect(scan!["text/plain"]).toContain("2 of 4 slices");
      const [report] = await bundlesOf(await audit({ dataset }), {});
      expect(report!["text/html"]).toContain("train (paper)");
      expect(report!["text/plain"]).toContain("Leakage between splits");
    }));
});

test("outside of a kernel the text form is printed", async () => {
  expect(isKernel()).toBe(false);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await show([{ model: "r3d_18", parameters: 33_413_184 }], { id: "same" });
  await show("again", { id: "same" });
  expect(log.mock.calls.map(([text]) => text)).toEqual(["model   parameters\nr3d_18    33413184", "again"]);
});
