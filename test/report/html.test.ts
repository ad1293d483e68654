import { describe, expect, test } from "vitest";
import { JSDOM } from "jsdom";
import { dataUri, escapeHtml, Html, html, page, table } from "../../lib/report/html.ts";
import { runReport, type RunReportOptions } from "../../lib/report/run_report.ts";
import { confusionFigure } from "../../lib/report/figures/confusion.ts";
import { scorePresence } from "../../lib/evaluate/scores.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { mergeConfig, preset } from "../../lib/train/presets.ts";

const nasty = `<script>alert("x")</script> & 'co'`;

describe("html", () => {
  test("values are escaped, markup is not, lists are joined, nothing is nothing", () => {
    expect(html`<p title="${nasty}">${nasty}</p>`.markup).not.toContain("<script");
    expect(html`${html`<b>1</b>`}${[1, html`<i>`]}${null}${undefined}`.markup).toBe("<b>1</b>1<i>");
    expect(new JSDOM(html`<p>${nasty}</p>`.markup).window.document.querySelector("p")?.textContent).toBe(nasty);
    expect(escapeHtml("a<b")).toBe("a&#60;b");
  });

  test("a table names rows and columns for screen readers", () => {
    const { document } = new JSDOM(table({ head: ["", "F1"], rows: [["mild", 0.5]], caption: "scores" }).markup).window;
    expect(document.querySelectorAll('th[scope="col"]')).toHaveLength(2);
    expect(document.querySelector('th[scope="row"]')?.textContent).toBe("mild");
    expect(document.querySelector("caption")?.textContent).toBe("scores");
  });

  test("dataUri", () => {
    expect(dataUri("text/plain", "é")).toBe("data:text/plain;base64,w6k=");
  });

  test("page has a language, a title and a policy that forbids loading anything", () => {
    const text = page({ title: nasty, body: new Html("<main></main>") });
    const { document } = new JSDOM(text).window;
    expect(document.title).toBe(nasty);
    expect(document.documentElement.lang).toBe("en");
    expect(document.querySelector("meta[http-equiv]")?.getAttribute("content")).toContain("default-src 'none'");
  });
});

const config = parseTrainConfig(mergeConfig(preset("tiny").config, { name: "test", data: { directory: nasty } }));
const presence = scorePresence(
  [0.9, 0.8, 0.4, 0.2].map((probability, i) => ({
    truth: Number(i < 2),
    predicted: Number(probability >= 0.5),
    probability,
  })),
  { resamples: 20 },
);

const options: RunReportOptions = {
  title: nasty,
  introduction: nasty,
  notice: nasty,
  command: nasty,
  environment: { [nasty]: nasty },
  run: { folder: "runs/test", config, steps: [], epochs: [], checkpoints: [], checkpointsFolder: "", state: undefined },
  dataset: { root: "/data", scans: [], notes: [nasty] },
  evaluation: {
    run: "runs/test",
    dataset: "/data",
    split: nasty,
    weights: { presence: "best-presence", severity: null },
    reflection: true,
    engine: {
      engine: "wasm",
      backend: "wasm",
      version: nasty,
      device: { name: nasty, kind: "cpu" },
      devices: [],
      threads: 1,
    },
    scans: 4,
    presence,
    severity: null,
    intervals: { method: "percentile bootstrap", unit: "scan", stratified: true },
    failed: [],
  },
  figures: {
    confusion: confusionFigure({ panels: [{ heading: nasty, labels: ["a", "b"], matrix: [[1, 0], [0, 1]] }] }),
  },
};

describe("runReport", () => {
  const text = runReport(options);
  const { document } = new JSDOM(text).window;

  test("is self-contained: no script, no link, every picture inside", () => {
    expect(document.querySelectorAll("script, link, iframe, object, embed, video, audio, base")).toHaveLength(0);
    for (const element of document.querySelectorAll("[src]")) {
      expect(element.getAttribute("src")).toMatch(/^data:image\//);
    }
    expect(document.querySelectorAll("[href], [onload], [onclick], [onerror]")).toHaveLength(0);
    expect(text).not.toMatch(/url\(|@import|https?:\/\//);
  });

  test("nothing that was put in becomes markup", () => {
    expect(text.toLowerCase()).not.toContain("<script");
    expect(document.querySelector("h1")?.textContent).toBe(nasty);
    expect(document.querySelector("pre")?.textContent).toBe(nasty);
  });

  test("shows the score with its interval, and an untrained task as –", () => {
    const cards = [...document.querySelectorAll(".card")].map((card) => card.textContent ?? "");
    expect(cards[0]).toContain("1.000");
    expect(cards[1]).toContain("–");
    expect(cards[1]).toContain("not trained");
  });

  test("pictures have text alternatives", () => {
    const pictures = [...document.querySelectorAll("img")];
    expect(pictures.length).toBeGreaterThan(0);
    for (const picture of pictures) expect(picture.alt.length).toBeGreaterThan(20);
  });

  test("says when labels were shuffled, and when the split was used for selection", () => {
    expect(text).not.toContain("Control run");
    const shuffled = { ...config, data: { ...config.data, shuffleLabels: true } };
    expect(runReport({ ...options, run: { ...options.run, config: shuffled } })).toContain("Control run");
    expect(runReport({ ...options, evaluation: { ...options.evaluation, split: "validation" } })).toContain(
      "optimistic",
    );
  });
});
