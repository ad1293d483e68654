/** The notebooks as pages: equations without scripts, nothing from the network, the viewer works. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { withMathMl } from "../../lib/notebook/run/equations.ts";
import { foundJupyterPython } from "../../lib/notebook/run/python.ts";
import { entryOf, notebookSite } from "../../lib/notebook/run/site.ts";
import { findChromium, launchChromium } from "../support/browser.ts";

describe("withMathMl", () => {
  test("inline and displayed equations become MathML; prices, code and broken TeX stay", () => {
    expect(withMathMl("so $a_1$ and")).toMatch(/^so <span class="katex"><math .*<\/span> and$/);
    expect(withMathMl("$$\\frac{1}{2}$$")).toMatch(/<div><span class="katex"><math [^>]*display="block"/);
    for (const same of ["`$HOME` and `$a$`", "```\n$x$ $y$\n```", "it costs 5 $ or 6 $", "$\\nothing{$"]) {
      expect(withMathMl(same)).toBe(same);
    }
    expect(withMathMl("$a$\n\n$b$").match(/<math/g)).toHaveLength(2);
  });

  test("no line break inside: it would end a paragraph or a table's row", () => {
    expect(withMathMl("| $a$ | $b\nc$ |")).not.toContain("\n");
  });
});

test("an index entry: title and first paragraph without markup", () => {
  const cell = {
    cell_type: "markdown",
    metadata: {},
    source: "# 01 · *Data*\n\nWhat [is](x.md) `there`.\n\nMore.",
  } as const;
  expect(entryOf("/a/01-data.ipynb", { cells: [cell] })).toEqual({
    page: "01-data.html",
    title: "01 · *Data*",
    lead: "What is there.",
  });
});

const python = await foundJupyterPython(), chromium = findChromium();
const folder = await Deno.makeTempDir({ prefix: "cov3d-site-test-" });
afterAll(() => Deno.remove(folder, { recursive: true }));

describe.skipIf(python === undefined || chromium === undefined)("in Chromium, without a network", () => {
  test("00 is drawn without a complaint, and its viewer scrolls", async () => {
    const notebooks = fileURLToPath(new URL("../../notebooks", import.meta.url));
    await notebookSite({ folder: notebooks, out: folder, only: ["00"] });
    const browser = await launchChromium(chromium!);
    try {
      const page = await browser.newPage(), problems: string[] = [];
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(error.message));
      page.on("requestfailed", (request) => problems.push(request.url()));
      await page.goto(`file://${join(folder, "00-quickstart.html")}`);
      await page.waitForSelector('[data-ready="drawn"]');
      expect(await page.locator("math").count()).toBeGreaterThan(3);
      const label = page.locator("[data-role=label]").first(), canvas = page.locator("canvas").first();
      const before = await label.textContent();
      await canvas.scrollIntoViewIfNeeded();
      await canvas.hover();
      await page.mouse.wheel(0, -100);
      expect(await label.textContent()).not.toBe(before);
      await page.setViewportSize({ width: 260, height: 600 });
      const tables = await page.$$eval("table", (all) => all.map((table) => [table.clientWidth, table.scrollWidth]));
      expect(tables.every(([shown]) => shown! <= 260), `${tables}`).toBe(true);
      expect(tables.some(([shown, whole]) => whole! > shown!), `${tables}`).toBe(true); // they scroll, nothing is cut
      expect(problems).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 120_000);
});
