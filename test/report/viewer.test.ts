/** The slice viewer: what is in the page, and that it works by mouse and keyboard in a real browser. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scan, Volume } from "../../lib/data/types.ts";
import { ConfigError } from "../../lib/errors.ts";
import { encodeAtlas } from "../../lib/report/viewer/atlas.ts";
import { reduceGrey, toGrey } from "../../lib/report/viewer/grey.ts";
import { sliceViewer } from "../../lib/report/viewer/viewer.ts";
import { findChromium, launchChromium } from "../support/browser.ts";

/** Every voxel differs from its neighbours along each axis, so that a wrong plane or slice shows. */
function ramp(depth = 6, height = 20, width = 24): Volume<Float32Array> {
  const voxels = new Float32Array(depth * height * width);
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) voxels[i] = (z * 30 + y * 3 + x) / 255;
    }
  }
  return { voxels, shape: [depth, height, width], intensity: "unit", source: "ramp" };
}

describe("what the page carries", () => {
  test("an atlas holds every slice where the page looks for it", async () => {
    const { voxels, shape } = toGrey(ramp());
    const { image, columns } = await encodeAtlas({ voxels, shape, quality: 100 });
    const { data, info } = await sharp(Buffer.from(image.split(",")[1]!, "base64")).toColourspace("b-w").raw()
      .toBuffer({ resolveWithObject: true });
    for (const [z, y, x] of [[0, 0, 0], [3, 7, 5], [5, 19, 23]] as const) {
      const at = (Math.floor(z / columns) * 20 + y) * info.width + (z % columns) * 24 + x;
      expect(data[at * info.channels]).toBe(voxels[(z * 20 + y) * 24 + x]);
    }
  });

  test("HU are brought to grey and back by the range; small volumes are not reduced", async () => {
    const hu: Volume = { ...ramp(1, 1, 3), voxels: Float32Array.of(-1200, -300, 600), intensity: "hu" };
    const grey = toGrey(hu);
    expect([...grey.voxels]).toEqual([0, 128, 255]);
    expect(grey.range).toEqual([-1200, 600]);
    expect(await reduceGrey(grey, 192)).toBe(grey);
    const large = await reduceGrey(toGrey(ramp(2, 40, 80)), 20);
    expect(large.shape).toEqual([2, 10, 20]);
  });

  test("one piece of HTML that asks the network for nothing; a montage where scripts do not run", async () => {
    const { html, bundle } = await sliceViewer({ volume: ramp(), title: "<b>&" });
    const { markup } = html;
    expect(markup).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(markup).toContain("&#60;b&#62;&#38;");
    expect(markup).toMatch(/<img\s[^>]*data-role="static"[^>]*src="data:image\/(?:png|jpeg)/);
    expect((await bundle())["image/png"]).toMatch(/^iVBOR/);
  });

  test("the same volume gives the same bytes", async () => {
    const [first, second] = await Promise.all([0, 1].map(() => sliceViewer({ volume: ramp() })));
    expect(first!.html.markup).toBe(second!.html.markup);
  });

  test("wrong overlays and sources are ConfigErrors", async () => {
    await expect(sliceViewer({ volume: ramp(), overlay: [1, 2] })).rejects.toThrow(ConfigError);
    await expect(sliceViewer({})).rejects.toThrow(/one of `volume` and `scan`/);
    await expect(sliceViewer({ volume: ramp(), scan: {} as Scan })).rejects.toThrow(ConfigError);
  });
});

const executable = findChromium();

describe.skipIf(executable === undefined)("in Chromium", () => {
  let folder: string, browser: Browser, page: Page;
  const problems: string[] = [];
  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "cov3d-viewer-" });
    const volume = ramp();
    const overlay = Float32Array.from(volume.voxels, (_, i) => i < 480 * 3 ? 0.5 : 0);
    const { html } = await sliceViewer({ volume, overlay, overlayLabel: "map" });
    const file = join(folder, "viewer.html");
    await Deno.writeTextFile(file, `<!doctype html><meta charset="utf-8">${html.markup}`);
    browser = await launchChromium(executable!);
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(`file://${file}`);
    await page.waitForSelector('[data-ready="drawn"]');
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await Deno.remove(folder, { recursive: true });
  });

  const label = () => page.textContent('[data-role="label"]');
  const size = () => page.$eval("canvas", ({ width, height }) => [width, height]);
  /** Red, green, blue of one pixel of the canvas. */
  const pixel = (x: number, y: number) =>
    page.$eval(
      "canvas",
      (canvas, [x, y]) => [...canvas.getContext("2d")!.getImageData(x!, y!, 1, 1).data].slice(0, 3),
      [x, y],
    );

  test("begins in the middle with the montage hidden", async () => {
    expect(await label()).toMatch(/^axial 4\/6 · window 0.00 … 1.00 · map 50 %/);
    expect(await page.isVisible('[data-role="static"]')).toBe(false);
    expect(await size()).toEqual([24, 20]);
  });

  test("the wheel and the arrows scroll, and what is drawn is that slice", async () => {
    await page.hover("canvas");
    await page.mouse.wheel(0, -100);
    expect(await label()).toMatch(/^axial 5\/6/);
    const [red] = await pixel(10, 5); // z = 4: 120 + 15 + 10, no overlay there
    expect(Math.abs(red! - 145)).toBeLessThan(12); // the picture is compressed
    await page.focus("canvas");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Home");
    expect(await label()).toMatch(/^axial 1\/6/);
    await page.keyboard.press("End");
    expect(await label()).toMatch(/^axial 6\/6/);
  });

  test("planes by key and by menu, each with its own size", async () => {
    await page.focus("canvas");
    await page.keyboard.press("c");
    expect(await label()).toMatch(/^coronal 11\/20/);
    expect(await size()).toEqual([24, 6]);
    await page.selectOption('[data-role="plane"]', "sagittal");
    expect(await label()).toMatch(/^sagittal 13\/24/);
    expect(await size()).toEqual([20, 6]);
    await page.selectOption('[data-role="plane"]', "axial");
  });

  test("dragging changes the window, a double click resets it", async () => {
    const before = await label();
    const box = (await page.locator("canvas").boundingBox())!;
    await page.mouse.move(box.x + 50, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 10, box.y + 80, { steps: 4 });
    await page.mouse.up();
    expect(await label()).not.toBe(before);
    await page.dblclick("canvas");
    expect(await label()).toBe(before);
  });

  test("the overlay is coloured where it is, and its opacity is heard", async () => {
    await page.focus("canvas");
    await page.keyboard.press("Home");
    const [red, , blue] = await pixel(3, 3);
    expect(red! - blue!).toBeGreaterThan(20);
    for (let i = 0; i < 5; i++) await page.keyboard.press("[");
    expect(await label()).toContain("map 0 %");
    const [grey, , same] = await pixel(3, 3);
    expect(Math.abs(grey! - same!)).toBeLessThan(3);
  });

  test("nothing was complained about", () => expect(problems).toEqual([]));
});
