import { afterAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { parseSvg } from "../../lib/report/dom.ts";
import { type Figure, figureContents } from "../../lib/report/figure.ts";
import { paperFigures, type SkippedFigure } from "../../lib/report/paper_figures/mod.ts";
import { checkFigures, writeFigures } from "../../lib/report/paper_figures/write.ts";
import { cov3d } from "../support/command_line.ts";
import { overlaps, textBoxes } from "../support/text_boxes.ts";
import { writeChosenSweep } from "../sweep/support.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const folder = await Deno.makeTempDir();
afterAll(() => Deno.remove(folder, { recursive: true }));

const skipped: SkippedFigure[] = [];
/** From the committed records; drawn once for all tests. */
const committed = await paperFigures({ onSkip: (one) => skipped.push(one) });

const columnWidth = 12.2 / 2.54 * 72;

describe("paperFigures", () => {
  test("draws what the committed records allow; every figure reads well at column width", () => {
    const names = committed.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["network", "table3-effects", "benchmark-ratios", "saliency"]));
    expect(new Set(names).size).toBe(names.length);
    expect(skipped.find(({ names }) => names.includes("stem-filters"))?.reason).toContain("--weights");
    for (const { name, svg } of committed) {
      const width = Number(parseSvg(svg).getAttribute("width")), boxes = textBoxes(svg);
      expect(Math.min(...boxes.map(({ size }) => size)) * Math.min(1, columnWidth / width), name).toBeGreaterThan(6.95);
      expect(overlaps(boxes), name).toEqual([]);
    }
  });

  test("figures of runs come from data/runs, and change with a run's predictions", async () => {
    const out = join(folder, "data", "runs", "phantom λ");
    const draw = async (predicted: string) => {
      await writeChosenSweep({
        out,
        runs: [
          { row: "base", seed: 1, truth: "++--+-", predicted },
          { row: "other", seed: 1, truth: "++--+-", predicted: "+-+-+-" },
        ],
      });
      return await paperFigures({ root: folder });
    };
    const figures = await draw("++--+-"), changed = await draw("-+--+-");
    const of = (all: readonly Figure[], name: string) => all.find((figure) => figure.name === name)!;
    const names = ["effect-row", "confusion", "roc", "reliability"].map((name) => `phantom-lambda-${name}`);
    for (const name of names) {
      expect(of(figures, name), name).toBeDefined();
      expect(of(changed, name).svg, name).not.toBe(of(figures, name).svg);
    }
    expect(of(figures, "phantom-lambda-confusion").rows).toContainEqual(
      expect.objectContaining({ truth: "COVID-19", predicted: "COVID-19", scans: 3 }),
    );
    const one = await paperFigures({ root: folder, only: "phantom-lambda-roc" });
    expect(one.map(({ name }) => name)).toEqual(["phantom-lambda-roc"]);
  });

  test("a name that is no figure's is refused with those that are", async () => {
    await expect(paperFigures({ root: "/nowhere", only: "table-3" })).rejects.toMatchObject({
      code: "figures.unknown",
      expected: expect.stringContaining("table3-effects"),
    });
  });

  test("a damaged record is refused, a missing one skipped", async () => {
    const root = join(folder, "damaged");
    await Deno.mkdir(join(root, "figures", "demo"), { recursive: true });
    await Deno.writeTextFile(join(root, "figures/demo/depth-histogram.csv"), "scan,slices\na,3\n");
    await expect(paperFigures({ root, only: "depth-histogram" })).rejects.toMatchObject({ code: "figures.record" });
    const skipped: SkippedFigure[] = [];
    expect(await paperFigures({ root, only: "saliency", onSkip: (one) => skipped.push(one) })).toEqual([]);
    expect(skipped[0]?.reason).toContain("figures/saliency/montage.csv is not there");
  });
});

test("the committed figures are those of the committed records (else run `deno task figures`)", async () => {
  const others = skipped.flatMap(({ names }) => names);
  expect(await checkFigures(committed, join(repository, "figures", "paper"), others)).toEqual([]);
}, 180_000);

test("a second writing changes nothing; the check sees what is missing, different, left over, and skipped", async () => {
  const figures = await paperFigures({ only: "smoothing" }), place = join(folder, "out");
  expect(await writeFigures(figures, place)).toHaveLength(4);
  expect(await writeFigures(figures, place)).toEqual([]);
  expect(await checkFigures(figures, place, [])).toEqual([]);
  await Deno.remove(join(place, "smoothing.pdf"));
  await Deno.writeTextFile(join(place, "smoothing.csv"), "truth\n");
  const { png } = await figureContents(figures[0]!, { pngScale: 1.6 });
  await sharp(png as Uint8Array).negate().toFile(join(place, "smoothing.png"));
  for (const name of ["run-roc.svg", "old.svg", "stem-filters.pdf"]) await Deno.writeTextFile(join(place, name), "");
  const found = await checkFigures(figures, place, ["stem-filters", "<record>-roc"]);
  expect(found.map(({ file, problem }) => `${file.slice(place.length + 1)} ${problem}`)).toEqual([
    "smoothing.pdf missing",
    "smoothing.png different",
    "smoothing.csv different",
    "old.svg drawn by nothing",
  ]);
});

test("cov3d figures: a failing check as JSON, a wrong name", async () => {
  const out = join(folder, "cli");
  const checked = await cov3d(["figures", "--only", "one-cycle", "--out", out, "--check", "--json"]);
  expect(checked.code).toBe(1);
  const { figures, differences } = JSON.parse(checked.stdout);
  expect(figures).toEqual(["one-cycle"]);
  expect(differences).toContainEqual({ file: join(out, "one-cycle.svg"), problem: "missing" });
  expect(await cov3d(["figures", "--only", "two-cycle"])).toMatchObject({ code: 2 });
}, 180_000);
