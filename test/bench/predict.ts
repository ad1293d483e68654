/**
 * `bench predict`: from folders of JPEG slices to probabilities, whole programs from process start to exit: `cov3d
 * predict` beside Pillow, SciPy and PyTorch eager with the same weights. Run on all scans and on one of them, so that
 * start-up and the time of each further scan can be told apart. The probabilities have to agree.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatSize } from "../../lib/data/size.ts";
import { severities, type VolumeSize } from "../../lib/data/types.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type PredictFiles, predictFiles } from "./predict_files.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { takeTurns } from "./side.ts";
import { memoryFormats } from "./step.ts";
import { summarise, type Summary } from "./statistics.ts";

export interface PredictBenchOptions {
  readonly engine: EngineName;
  readonly size: VolumeSize;
  /** At least 2. */
  readonly scans: number;
  readonly rounds: number;
  readonly peer: boolean;
}

export interface PredictSide {
  readonly name: string;
  readonly version: string;
  /** Process start to exit, all scans. */
  readonly seconds: Summary;
  /** The same with one scan. */
  readonly oneScanSeconds: Summary;
  /** Each scan after the first: (all − one) / (scans − 1). */
  readonly furtherScanSeconds: Summary;
}

export interface PredictBenchResult extends Provenance {
  readonly engine: EngineName;
  readonly size: string;
  readonly scans: number;
  readonly kit: PredictSide;
  readonly peers: readonly PredictSide[];
  /** Largest difference between kit and a peer in any probability of any scan. */
  readonly disagreement?: number;
  /** Whole program, kit over the faster peer. */
  readonly ratio?: number;
  /** Of one further scan, kit over the peer that is fastest in this. */
  readonly furtherScanRatio?: number;
}

/** What a program printed, and how long it lived. */
interface ProgramRun {
  readonly seconds: number;
  readonly version: string;
  /** Per scan: presence, then the four grades. */
  readonly probabilities: readonly (readonly number[])[];
}

export interface Program {
  readonly name: string;
  ask(request: { readonly scans: readonly string[] }): Promise<ProgramRun>;
}

/** PyTorch's two memory layouts; volumes made in the loop or, while the network computes, by a DataLoader's worker. */
const peerVariants = memoryFormats.flatMap((format) => [0, 1].map((workers) => ({ format, workers })));
type PeerVariant = (typeof peerVariants)[number];

/** Probabilities may differ by rounding; more than this means that the sides do not compute the same. */
const tolerance = 1e-3;

export async function benchPredict(options: PredictBenchOptions): Promise<PredictBenchResult> {
  const files = await predictFiles(options.scans, options.size);
  const programs = await predictPrograms(options, files);
  const chosen = await qualify(programs, files.scans.slice(0, 2));
  const turn = (scans: readonly string[], what: string) =>
    takeTurns(chosen, chosen.map(() => ({ scans })), options.rounds, say(what));
  const whole = await turn(files.scans, "all scans"), single = await turn(files.scans.slice(0, 1), "one scan");
  const disagreement = assertAgreement(chosen.map(({ name }) => name), whole.map((own) => own[0]!.probabilities));
  const sides = chosen.map(({ name }, i) => sideOf(name, options.scans, whole[i]!, single[i]!));
  return resultOf(options, sides, disagreement);
}

/** The kit first, then the peer in every way, or in the named ones. */
export async function predictPrograms(
  options: Pick<PredictBenchOptions, "engine" | "size" | "peer">,
  files: PredictFiles,
  ways: readonly string[] = peerVariants.map(wayOf),
): Promise<Program[]> {
  const kit = kitProgram(options, files);
  if (!options.peer) return [kit];
  const python = await peerPython(), variants = peerVariants.filter((variant) => ways.includes(wayOf(variant)));
  return [kit, ...variants.map((variant) => peerProgram(python, options, files, variant))];
}

const wayOf = ({ format, workers }: PeerVariant) => format + (workers > 0 ? ", loader" : "");

/** How the original program reads scans and calls its network. */
const originalWay = wayOf({ format: "contiguous", workers: 1 });

/** A turn of each with two scans: all have to agree, files get cached; the fastest peer and the original's way go on. */
async function qualify(programs: readonly Program[], scans: readonly string[]): Promise<Program[]> {
  const runs = (await takeTurns(programs, programs.map(() => ({ scans })), 1, say("two scans"))).map((own) => own[0]!);
  assertAgreement(programs.map(({ name }) => name), runs.map(({ probabilities }) => probabilities));
  const [kit, ...peers] = programs as [Program, ...Program[]];
  const seconds = (peer: Program) => runs[programs.indexOf(peer)]!.seconds;
  const [fastest] = peers.toSorted((a, b) => seconds(a) - seconds(b));
  return [kit, ...peers.filter((peer) => peer === fastest || peer.name === `pytorch ${originalWay}`)];
}

function say(what: string) {
  return (round: number, name: string, { seconds }: ProgramRun) =>
    console.error(`${what}, round ${round + 1}  ${name.padEnd(26)} ${seconds.toFixed(2)} s`);
}

function kitProgram({ engine }: Pick<PredictBenchOptions, "engine">, { run }: PredictFiles): Program {
  const cli = fileURLToPath(new URL("../../lib/cli.ts", import.meta.url));
  return {
    name: `kit ${engine}`,
    ask: async ({ scans }) => {
      const args = ["run", "-A", cli, "predict", "--run", run, "--engine", engine, "--json", ...scans];
      const { seconds, answer } = await timeProgram<KitAnswer>(Deno.execPath(), args);
      return { seconds, version: answer.engine.version, probabilities: answer.predictions.map(probabilitiesOf) };
    },
  };
}

interface KitAnswer {
  readonly engine: { readonly version: string };
  readonly predictions: readonly Readonly<Record<string, number>>[];
}

const probabilitiesOf = (row: Readonly<Record<string, number>>) =>
  ["presence_probability", ...severities.map((grade) => `severity_${grade}_probability`)].map((name) => row[name]!);

function peerProgram(
  python: string,
  { size: { depth, height, width } }: Pick<PredictBenchOptions, "size">,
  { weights }: PredictFiles,
  variant: PeerVariant,
): Program {
  const options = { weights, size: [depth, height, width], threads: navigator.hardwareConcurrency, ...variant };
  return {
    name: `pytorch ${wayOf(variant)}`,
    ask: async ({ scans }) => {
      const args = [join(peerFolder, "peer_predict.py"), JSON.stringify({ ...options, scans })];
      const { seconds, answer } = await timeProgram<Omit<ProgramRun, "seconds">>(python, args);
      return { seconds, ...answer };
    },
  };
}

async function timeProgram<T>(executable: string, args: readonly string[]): Promise<{ seconds: number; answer: T }> {
  const started = performance.now();
  const { code, stdout } = await new Deno.Command(executable, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  const seconds = (performance.now() - started) / 1000;
  if (code === 0) return { seconds, answer: JSON.parse(new TextDecoder().decode(stdout)) as T };
  throw new Cov3dError("bench.predict", "a program failed", { file: args.join(" "), found: `exit code ${code}` });
}

/**
 * Largest difference of a side from the first one.
 * @throws Cov3dError "bench.predict" where that is more than rounding, or where the scans' answers are so alike that
 * agreement would mean nothing
 */
export function assertAgreement(
  names: readonly string[],
  answers: readonly (readonly (readonly number[])[])[],
): number | undefined {
  const [kit, ...peers] = answers as [readonly (readonly number[])[], ...(readonly (readonly number[])[])[]];
  if (peers.length === 0) return undefined;
  const largest = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]) =>
    Math.max(...a.flatMap((row, i) => row.map((value, k) => Math.abs(value - (b[i]?.[k] ?? NaN)))));
  const differences = peers.map((peer) => largest(kit, peer));
  const worst = Math.max(...differences), spread = largest(kit, kit.map(() => kit[0]!));
  if (worst <= tolerance && spread > 10 * worst) return worst;
  throw new Cov3dError("bench.predict", "the sides do not give the same probabilities", {
    expected: `differences up to ${tolerance}, and scans that differ by more than ten times as much as the sides do`,
    found: peers.map((_, i) => `${names[i + 1]}: ${differences[i]}`).join(", ") + `; between scans: ${spread}`,
  });
}

function sideOf(name: string, scans: number, all: readonly ProgramRun[], one: readonly ProgramRun[]): PredictSide {
  return {
    name,
    version: all[0]!.version,
    seconds: summarise(all.map(({ seconds }) => seconds)),
    oneScanSeconds: summarise(one.map(({ seconds }) => seconds)),
    furtherScanSeconds: summarise(all.map(({ seconds }, i) => (seconds - one[i]!.seconds) / (scans - 1))),
  };
}

function resultOf(
  { engine, size, scans }: PredictBenchOptions,
  sides: readonly PredictSide[],
  disagreement: number | undefined,
): PredictBenchResult {
  const [kit, ...peers] = sides as [PredictSide, ...PredictSide[]];
  const fastest = (of: (side: PredictSide) => Summary) => Math.min(...peers.map((peer) => of(peer).median));
  return {
    ...provenance("predict", { engine: kit.version, ...(peers[0] === undefined ? {} : { pytorch: peers[0].version }) }),
    engine,
    size: formatSize(size),
    scans,
    kit,
    peers,
    ...(disagreement === undefined ? {} : {
      disagreement,
      ratio: kit.seconds.median / fastest(({ seconds }) => seconds),
      furtherScanRatio: kit.furtherScanSeconds.median / fastest(({ furtherScanSeconds }) => furtherScanSeconds),
    }),
  };
}

/** One CSV row per side. */
export function predictRows(result: PredictBenchResult): Row[] {
  return [result.kit, ...result.peers].map((side) => ({
    engine: result.engine,
    network: "r3d_18",
    size: result.size,
    scans: result.scans,
    side: side.name,
    seconds_min: side.seconds.min.toFixed(3),
    seconds_median: side.seconds.median.toFixed(3),
    seconds_max: side.seconds.max.toFixed(3),
    one_scan_seconds_median: side.oneScanSeconds.median.toFixed(3),
    further_scan_seconds_median: side.furtherScanSeconds.median.toFixed(3),
    disagreement: side === result.kit ? result.disagreement?.toExponential(1) : undefined,
    ratio: side === result.kit ? result.ratio?.toFixed(4) : undefined,
    further_scan_ratio: side === result.kit ? result.furtherScanRatio?.toFixed(4) : undefined,
  }));
}
