/** A notebook in a real JupyterLab, run by clicking, and the slice viewer in its output. */
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Notebook, writeNotebook } from "../../lib/notebook/run/notebook_file.ts";
import { findChromium, launchChromium } from "../support/browser.ts";
import { type JupyterLab, startJupyterLab } from "../support/jupyter_lab.ts";
import { findJupyter } from "../support/kernel.ts";

const chromium = findChromium(), python = await findJupyter();
/** The import map is found from a folder below deno.json. */
const parent = new URL("..", import.meta.url).pathname;

const code = (id: string, source: string) =>
  ({ cell_type: "code", id, metadata: {}, source, outputs: [], execution_count: null }) as const;

const notebook: Notebook = {
  cells: [
    { cell_type: "markdown", id: "title", metadata: {}, source: "# A small notebook" },
    code("import", `import { curvesFigure, show, sliceViewer } from "@cov3d/lib";`),
    code(
      "figure",
      `await show(curvesFigure({ title: "A parabola", caption: "y = x²",
  panels: [{ xLabel: "x", yLabel: "y", x: [-1, 1], curves: [{ label: "x²", f: (x) => x * x }] }] }));`,
    ),
    code(
      "viewer",
      `const voxels = Float32Array.from({ length: 12 * 40 * 40 }, (_, i) => ((i * 7919) % 1000) / 1000);
await show(await sliceViewer({ volume: { voxels, shape: [12, 40, 40], intensity: "unit", source: "noise" }, title: "Twelve slices" }));`,
    ),
  ],
  metadata: { kernelspec: { display_name: "Deno", language: "typescript", name: "deno" } },
  nbformat: 4,
  nbformat_minor: 5,
};

describe.skipIf(chromium === undefined || python === undefined)("a notebook in JupyterLab", () => {
  let folder: string, lab: JupyterLab, browser: Browser, page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    folder = await Deno.makeTempDir({ dir: parent, prefix: "lab-" });
    await Deno.mkdir(join(folder, "notebooks"));
    await writeNotebook(join(folder, "notebooks", "small.ipynb"), notebook);
    lab = await startJupyterLab(python!, join(folder, "notebooks"), folder);
    browser = await launchChromium(chromium!);
    page = await browser.newPage({ viewport: { width: 1100, height: 1500 } });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
  }, 180_000);

  afterEach(async () => {
    const shots = Deno.env.get("COV3D_SCREENSHOTS"); // what a person would see, failed or not
    if (shots) await page.screenshot({ path: join(shots, "jupyterlab.png") });
  });

  afterAll(async () => {
    await browser?.close();
    await lab?.stop();
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  });

  test("Run All Cells shows the figure, and the viewer works by wheel and keys", async () => {
    await page.goto(lab.addressOf("small.ipynb"), { timeout: 90_000 });
    await page.waitForSelector(".jp-Notebook .jp-CodeCell", { timeout: 90_000 });
    await page.getByText("Deno | Idle").waitFor({ timeout: 90_000 }); // before that, Run asks which kernel to take
    await page.getByRole("menuitem", { name: "Run", exact: true }).click();
    await page.getByRole("menuitem", { name: "Run All Cells", exact: true }).click();
    await page.waitForSelector(`.jp-OutputArea [data-ready="drawn"]`, { timeout: 120_000 });

    const figure = page.locator(".jp-RenderedSVG img, .jp-RenderedSVG svg").first();
    const box = (await figure.boundingBox())!;
    expect(box.width).toBeGreaterThan(200);
    expect(box.height).toBeGreaterThan(100);

    const label = page.locator('[data-role="label"]'), canvas = page.locator('[data-role="canvas"]');
    const cells = () => page.locator(".jp-Notebook .jp-Cell").count();
    expect(await label.textContent()).toMatch(/^axial 7\/12/);
    await canvas.scrollIntoViewIfNeeded();
    await canvas.hover();
    await page.mouse.wheel(0, -100);
    await expect.poll(() => label.textContent()).toMatch(/^axial 8\/12/);

    // Keys are the viewer's while it has the focus: JupyterLab's own (a: insert a cell, c: copy, 0 0: restart) stay out.
    await canvas.focus();
    await page.keyboard.press("ArrowUp");
    await expect.poll(() => label.textContent()).toMatch(/^axial 9\/12/);
    await page.keyboard.press("c");
    await expect.poll(() => label.textContent()).toMatch(/^coronal 21\/40/);
    await page.keyboard.press("a");
    await expect.poll(() => label.textContent()).toMatch(/^axial 9\/12/);
    expect(await cells()).toBe(4);

    expect(await page.locator(".jp-OutputArea .jp-mod-error, .jp-RenderedText[data-mime-type*=error]").count()).toBe(0);
    expect(problems.filter((text) => !/^Failed to load resource|favicon|service worker/i.test(text))).toEqual([]);
  }, 240_000);
});
