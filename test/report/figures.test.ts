import { describe, expect, test } from "vitest";
import Papa from "papaparse";
import sharp from "sharp";
import { join } from "node:path";
import { parseSvg, serializeSvg } from "../../lib/report/dom.ts";
import { type Figure, figureContents, svgToPng, toCsv, writeFigure } from "../../lib/report/figure.ts";
import { confusionFigure } from "../../lib/report/figures/confusion.ts";
import { depthHistogram } from "../../lib/report/figures/depth_histogram.ts";
import { montage } from "../../lib/report/figures/montage.ts";
import { rocFigure } from "../../lib/report/figures/roc.ts";
import { trainingCurves } from "../../lib/report/figures/training_curves.ts";
import { outlineText, textWidth } from "../../lib/report/text_outlines.ts";
import { svgToPdf } from "../../lib/report/pdf.ts";
import { maskOutline } from "../../lib/report/slice_picture.ts";
import { comparisonFigure } from "../../lib/report/figures/comparison.ts";
import { reliabilityFigure } from "../../lib/report/figures/reliability.ts";
import { severityRoc } from "../../lib/report/figures/severity_roc.ts";
import { thresholdCurves } from "../../lib/report/figures/threshold_curves.ts";
import { uncertaintyFigure } from "../../lib/report/figures/uncertainty.ts";
import { rocCurve } from "../../lib/evaluate/auc.ts";
import { reliabilityCurve } from "../../lib/evaluate/calibration.ts";
import { comparePredictions } from "../../lib/evaluate/compare.ts";
import type { Prediction } from "../../lib/evaluate/prediction.ts";
import { thresholdCurve } from "../../lib/evaluate/thresholds.ts";
import { combineSamples } from "../../lib/evaluate/uncertainty.ts";
import type { Scan } from "../../lib/data/types.ts";

const grey = "data:image/png;base64," +
  (await sharp({ create: { width: 8, height: 8, channels: 3, background: "#777777" } }).png().toBuffer())
    .toString("base64");

const scan: Scan = {
  id: "ct_scan_1",
  key: "test/covid/ct_scan_1",
  split: "test",
  presence: true,
  severity: "severe",
  folder: "/data/test/covid/ct_scan_1",
  slices: ["0.jpg", "1.jpg"],
  ignored: 0,
};

/** Six scans: right and wrong, with the spread of Monte-Carlo dropout. */
const sampled: Prediction[] = [0.9, 0.7, 0.45, 0.6, 0.3, 0.1].map((p, i) => {
  const { answer, uncertainty } = combineSamples([-0.05 * (i + 1), 0.05 * (i + 1)].map((shift) => ({
    presenceProbability: Math.min(1, Math.max(0, p + shift)),
    presence: p + shift >= 0.5,
    severityProbabilities: null,
    severity: null,
  })));
  return {
    ...answer,
    key: `s${i}`,
    scan: `s${i}`,
    folder: "",
    severity: null,
    slices: 1,
    skippedSlices: [],
    uncertainty,
  };
});
const positive = [true, true, true, false, false, false];
const truth = positive.map((presence) => ({ presence, severity: "undefined" as const }));
const probabilities = sampled.map(({ presenceProbability }) => presenceProbability!);

/** Every kind of figure on small fixed data; made anew at each call. */
const makers: Record<string, () => Figure> = {
  "training curves": () =>
    trainingCurves({
      epochs: [1, 2, 3].map((epoch) => ({
        epoch,
        trainLoss: 1 / epoch,
        validationLoss: 1.2 / epoch,
        learningRate: epoch * 1e-3,
        presenceF1: 0.5 + epoch / 10,
        severityF1: null,
      })),
    }),
  confusion: () =>
    confusionFigure({
      panels: [
        { heading: "Presence", labels: ["non-COVID-19", "COVID-19"], matrix: [[9, 1], [2, 8]] },
        { heading: "Severity", labels: ["mild", "moderate"], matrix: [[0, 0], [3, 1]] },
      ],
    }),
  roc: () =>
    rocFigure({
      curve: rocCurve([true, false, true, false], [0.9, 0.4, 0.6, 0.55]),
      auc: { value: 0.75, low: 0.5, high: 1, level: 0.95, resamples: 100 },
    }),
  "depth histogram": () =>
    depthHistogram({
      scans: [10, 12, 40, 44, 45].map((slices, i) => ({
        key: `train/${i}`,
        split: "train",
        ...(i === 4 ? {} : { presence: i % 2 === 0 }),
        slices: Array(slices).fill("0.jpg"),
      })),
    }),
  reliability: () => {
    const bins = reliabilityCurve(positive, probabilities);
    const panel = { heading: "Presence", bins, ece: 0.25, brier: 0.2, of: "COVID-19", observed: "share of COVID-19" };
    return reliabilityFigure({ panels: [{ ...panel, colour: "#D55E00" }] });
  },
  thresholds: () => thresholdCurves({ curve: thresholdCurve(positive, probabilities), probabilities, used: 0.5 }),
  "severity ROC": () =>
    severityRoc({
      truth: [0, 0, 1, 1, 3],
      probabilities: [[0.7, 0.1, 0.1, 0.1], [0.3, 0.4, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1], [0.1, 0.8, 0.1, 0], [
        ...[0.1, 0.1, 0.2, 0.6],
      ]],
      labels: ["mild", "moderate", "severe", "critical"],
    }),
  comparison: () =>
    comparisonFigure({
      comparison: {
        first: { source: "runs/a", kind: "run", predictedNow: false },
        second: { source: "runs/b.csv", kind: "predictions", predictedNow: false },
        scans: 6,
        unpaired: 0,
        warnings: [],
        intervals: { method: "percentile bootstrap", unit: "scan", stratified: true },
        ...comparePredictions({ first: sampled, second: sampled.toReversed(), truth, resamples: 50 }),
      },
    }),
  uncertainty: () => uncertaintyFigure({ predictions: sampled, truth }),
  montage: () =>
    montage({
      items: [{
        scan,
        prediction: {
          key: scan.key,
          scan: scan.id,
          folder: scan.folder,
          presenceProbability: 0.8,
          presence: true,
          severityProbabilities: [0.1, 0.6, 0.2, 0.1],
          severity: "moderate",
          slices: 2,
          skippedSlices: [],
        },
        picture: { image: grey, width: 8, height: 8, slice: 1, outline: "M1 1h1" },
      }],
      note: 'Ends <here> & "there".',
    }),
};

describe.each(Object.entries(makers))("%s", (name, make) => {
  const figure = make();

  test("is well-formed SVG with a size, a title and a text alternative, and refers to nothing outside", () => {
    const svg = parseSvg(figure.svg);
    expect(Number(svg.getAttribute("width"))).toBeGreaterThan(100);
    expect(svg.querySelector("title")?.textContent).toBe(figure.title);
    expect(svg.querySelector("desc")?.textContent).toBe(figure.caption);
    expect(figure.svg).not.toContain("NaN");
    for (const element of svg.querySelectorAll("[href], [src]")) {
      expect(element.getAttribute("href")).toMatch(/^data:image\//);
    }
  });

  test("is the same each time it is drawn", () => {
    expect(make().svg).toBe(figure.svg);
    expect(figure.svg.replace(/data:image\/[^"]+/g, "data:…")).toMatchSnapshot(name);
  });

  test("has the numbers behind it as CSV", () => {
    const { data, meta } = Papa.parse<Record<string, string>>(toCsv(figure.rows), {
      header: true,
      skipEmptyLines: true,
    });
    expect(data).toHaveLength(figure.rows.length);
    expect(meta.fields).toEqual(Object.keys(figure.rows[0]!));
    figure.rows.forEach((row, i) => {
      for (const [key, value] of Object.entries(row)) expect(data[i]![key]).toBe(value === null ? "" : String(value));
    });
  });

  test("becomes a PNG without asking the system for a font", async () => {
    const svg = parseSvg(figure.svg);
    const texts = svg.querySelectorAll("text").length;
    outlineText(svg);
    expect(texts).toBeGreaterThan(0);
    expect(svg.querySelectorAll("text")).toHaveLength(0);
    const { width, height } = await sharp(await svgToPng(figure.svg)).metadata();
    expect(width).toBe(2 * Number(svg.getAttribute("width")));
    expect(height).toBe(2 * Number(svg.getAttribute("height")));
  });

  test("becomes a PDF page of its size: its own fonts and pictures, the same bytes each time", async () => {
    const { pdf } = await figureContents(figure);
    const text = new TextDecoder("latin1").decode(pdf as Uint8Array);
    const svg = parseSvg(figure.svg);
    const pages = text.match(/\/MediaBox \[[^\]]+\]/g);
    expect(pages).toEqual([`/MediaBox [0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}]`]);
    const fonts = [...text.matchAll(/\/FontName \/[A-Z]{6}\+([\w-]+)/g)].map(([, name]) => name);
    expect(fonts.length).toBeGreaterThan(0);
    for (const font of fonts) expect(["DejaVuSans", "DejaVuSans-Bold"]).toContain(font);
    expect(text.match(/\/FontFile2 /g)).toHaveLength(fonts.length);
    expect(text.match(/\/Subtype \/Image/g)?.length ?? 0).toBe(svg.querySelectorAll("image").length);
    expect((await figureContents(make())).pdf).toEqual(pdf);
  });
});

test("writeFigure leaves SVG, PDF, PNG and CSV side by side, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  const files = await writeFigure(makers.confusion!(), join(directory, "figures"));
  const names = (await Array.fromAsync(Deno.readDir(join(directory, "figures")))).map((entry) => entry.name).sort();
  expect(names).toEqual(["confusion.csv", "confusion.pdf", "confusion.png", "confusion.svg"]);
  expect(await Deno.readTextFile(files.csv)).toContain("Presence,non-COVID-19,COVID-19,1,0.1");
  await Deno.remove(directory, { recursive: true });
});

test("a drawing with something that a PDF cannot show is refused", async () => {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="data:image/gif;base64,R0lG" width="9" height="9"/></svg>`;
  await expect(svgToPdf(svg)).rejects.toThrow("svgToPdf");
});

describe("text outlines", () => {
  const draw = async (svg: string) => {
    const { data } = await sharp(await svgToPng(svg, 1)).greyscale().raw().toBuffer({ resolveWithObject: true });
    return data;
  };
  const page = (text: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="40"><g font-size="20" fill="#000000">${text}</g></svg>`;
  const inkBounds = (pixels: Uint8Array) => {
    const columns = Array.from(pixels.keys()).filter((i) => pixels[i]! < 128).map((i) => i % 100);
    return [Math.min(...columns), Math.max(...columns)] as const;
  };

  test("anchors: the ink of start, middle and end lies where it should", async () => {
    const width = textWidth("08", 20);
    expect(width).toBeGreaterThan(20);
    for (const [anchor, left] of [["start", 50], ["middle", 50 - width / 2], ["end", 50 - width]] as const) {
      const [from, to] = inkBounds(await draw(page(`<text x="50" y="30" text-anchor="${anchor}">08</text>`)));
      expect(Math.abs(from - left)).toBeLessThan(4);
      expect(Math.abs(to - (left + width))).toBeLessThan(4);
    }
  });

  test("every digit, sign and Greek letter that figures use has ink of its own", async () => {
    const drawn = new Set<string>();
    const characters = [..."0123456789−–—λσε≥×✓✗■%&"];
    for (const character of characters) {
      const pixels = await draw(page(`<text x="40" y="30">${character === "&" ? "&amp;" : character}</text>`));
      expect(pixels.some((value) => value < 128), character).toBe(true);
      drawn.add(Array.from(pixels).join());
    }
    expect(drawn.size).toBe(characters.length);
  });

  test("bold is wider, tspans move down by em", () => {
    expect(textWidth("Loss", 14, 700)).toBeGreaterThan(textWidth("Loss", 14));
    const svg = parseSvg(page(`<text x="1" y="10"><tspan>a</tspan><tspan x="1" dy="1.5em">a</tspan></text>`));
    outlineText(svg);
    const [first, second] = [...svg.querySelectorAll("path")].map((path) => path.getAttribute("d")!);
    const top = (d: string) => Number(/^M[\d.-]+ ([\d.-]+)/.exec(d)![1]);
    expect(top(second!) - top(first!)).toBeCloseTo(30, 1);
  });
});

test("maskOutline surrounds a pixel with four edges and shares none between neighbours", () => {
  expect(maskOutline([0, 0, 0, 0, 1, 0, 0, 0, 0], 3).match(/[hv]1/g)).toHaveLength(4);
  expect(maskOutline([1, 1, 1, 1], 2).match(/[hv]1/g)).toHaveLength(8);
  expect(maskOutline([0, 0], 2)).toBe("");
});

test("parseSvg refuses what is not SVG; text survives a round trip", () => {
  expect(() => parseSvg("<svg><g></svg>")).toThrow(TypeError);
  expect(() => parseSvg("hello")).toThrow(TypeError);
  const text = `<svg xmlns="http://www.w3.org/2000/svg"><text>a &lt; b &amp; c</text></svg>`;
  expect(serializeSvg(parseSvg(text))).toBe(text);
});
