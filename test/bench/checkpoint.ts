/**
 * `bench checkpoint`: a full-size r3d_18 checkpoint (random numbers, torchvision's names) from disk to the numbers of all
 * its tensors, the kit beside torch.load(weights_only=True), in both containers. Both have to find the same numbers.
 */
import { join } from "node:path";
import { Cov3dError } from "../../lib/errors.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, takeTurns } from "./side.ts";
import { summarise, type Summary } from "./statistics.ts";

export interface CheckpointRequest {
  readonly file: string;
}

export interface CheckpointAnswer {
  readonly seconds: number;
  readonly tensors: number;
  readonly bytes: number;
  /** CRC-32 of all tensors one after another. */
  readonly checksum: number;
  /** Most resident memory up to the end of the load. */
  readonly loadPeakBytes?: number;
}

interface Ready {
  readonly version: string;
  readonly residentBytes?: number;
}

export interface CheckpointCase {
  readonly container: "zip" | "legacy";
  readonly fileBytes: number;
  readonly kit: CheckpointSide;
  readonly peer: CheckpointSide;
  /** Median seconds, kit over peer. */
  readonly ratio: number;
}

export interface CheckpointSide {
  readonly seconds: Summary;
  /** Resident memory that the first load added to the process. */
  readonly addedBytes?: number;
}

export interface CheckpointResult extends Provenance {
  readonly network: "r3d_18";
  readonly tensors: number;
  readonly tensorBytes: number;
  readonly cases: readonly CheckpointCase[];
}

type Process = Side<Ready, CheckpointRequest, CheckpointAnswer>;

/** @param rounds loads of each side that are timed, after one that is not */
export async function benchCheckpoint({ rounds }: { readonly rounds: number }): Promise<CheckpointResult> {
  const folder = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    const python = await peerPython(), script = join(peerFolder, "peer_checkpoint.py");
    await makeFiles(python, [script, "make", folder]);
    const cases: CheckpointCase[] = [];
    let version = "", first: CheckpointAnswer | undefined;
    for (const container of ["zip", "legacy"] as const) {
      const file = join(folder, `${container}.pt`);
      await using kit: Process = await Side.start({
        name: "kit",
        executable: Deno.execPath(),
        args: ["run", "-A", join(peerFolder, "kit_checkpoint.ts")],
      });
      await using peer: Process = await Side.start({ name: "torch.load", executable: python, args: [script, "load"] });
      const { answer, sides: [ours, theirs] } = await loadInTurns([kit, peer], file, rounds);
      cases.push({
        container,
        fileBytes: (await Deno.stat(file)).size,
        kit: ours!,
        peer: theirs!,
        ratio: ours!.seconds.median / theirs!.seconds.median,
      });
      version = peer.ready.version;
      first = answer;
    }
    const { tensors, bytes: tensorBytes } = first!;
    return { ...provenance("checkpoint", { peer: version }), network: "r3d_18", tensors, tensorBytes, cases };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makeFiles(python: string, args: readonly string[]): Promise<void> {
  const { code } = await new Deno.Command(python, { args: [...args], stdout: "null", stderr: "inherit" }).output();
  if (code !== 0) {
    throw new Cov3dError("bench.checkpoint", "PyTorch wrote no checkpoint", { found: `exit code ${code}` });
  }
}

async function loadInTurns(
  sides: readonly Process[],
  file: string,
  rounds: number,
): Promise<{ answer: CheckpointAnswer; sides: CheckpointSide[] }> {
  const requests = sides.map(() => ({ file }));
  const firsts = (await takeTurns(sides, requests, 1)).map((own) => own[0]!); // also fills the file cache
  const [a, b] = firsts;
  if (a!.checksum !== b!.checksum || a!.tensors !== b!.tensors || a!.bytes !== b!.bytes) {
    throw new Cov3dError("bench.checkpoint", "the sides loaded different numbers", {
      expected: JSON.stringify(b),
      found: JSON.stringify(a),
    });
  }
  const answers = await takeTurns(sides, requests, rounds);
  const measured = sides.map(({ ready: { residentBytes } }, i): CheckpointSide => {
    const peak = firsts[i]!.loadPeakBytes;
    return {
      seconds: summarise(answers[i]!.map(({ seconds }) => seconds)),
      ...(peak === undefined || residentBytes === undefined ? {} : { addedBytes: peak - residentBytes }),
    };
  });
  return { answer: a!, sides: measured };
}

const mebibytes = (bytes: number | undefined) => bytes === undefined ? "?" : (bytes / 2 ** 20).toFixed(0);

/** Lines for people. */
export function checkpointSummary({ tensors, tensorBytes, cases }: CheckpointResult): string {
  const line = (name: string, { seconds: { min, median, max }, addedBytes }: CheckpointSide) =>
    `  ${name.padEnd(12)} ${median.toFixed(3)} s (${min.toFixed(3)} … ${max.toFixed(3)}), ${
      mebibytes(addedBytes)
    } MiB more`;
  return [
    `r3d_18, ${tensors} tensors of ${mebibytes(tensorBytes)} MiB`,
    ...cases.flatMap(({ container, kit, peer, ratio }) => [
      `${container} container`,
      line("kit", kit),
      line("torch.load", peer),
      `  ratio ${ratio.toFixed(3)}`,
    ]),
  ].join("\n");
}

/** One CSV row per container and side. */
export function checkpointRows({ network, cases }: CheckpointResult): Row[] {
  return cases.flatMap(({ container, fileBytes, kit, peer, ratio }) =>
    [["kit", kit] as const, ["torch.load", peer] as const].map(([side, { seconds, addedBytes }]) => ({
      network,
      container,
      file_bytes: fileBytes,
      side,
      seconds_min: seconds.min.toFixed(4),
      seconds_median: seconds.median.toFixed(4),
      seconds_max: seconds.max.toFixed(4),
      added_bytes: addedBytes,
      ratio: side === "kit" ? ratio.toFixed(4) : undefined,
    }))
  );
}
