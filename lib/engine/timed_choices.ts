/**
 * Which of several ways of computing the same numbers is the fastest here, found by timing each once. The ways differ
 * in rounding, so a choice is made once and kept: in a table in the cache folder (a file a choice, which the first
 * process to write it decides for all), and in the checkpoints of a run, which resumes with the choices it began with.
 */
import { join } from "node:path";

/** Name of a way by what it computes. */
export type Choices = Readonly<Record<string, string>>;

export interface TimedWay<T> {
  readonly name: string;
  run(): T;
}

/** The way named first is kept unless another one takes less than this share of its time. */
const worthwhile = 0.97;
/** Ways that take longer than this are timed once, others three times, in turns. */
const longMilliseconds = 500;

export class TimedChoices {
  private readonly chosen = new Map<string, string>();

  /**
   * `folder`: the table, which is made on first use; its name says what the times depend on (machine, library).
   * `clock`: milliseconds.
   */
  constructor(private readonly folder: string, private readonly clock: () => number = () => performance.now()) {}

  /** Choices of a run that began earlier; they win over the table. */
  restore(choices: Choices): void {
    for (const [key, name] of Object.entries(choices)) this.chosen.set(key, name);
  }

  /** Every choice that was used or restored, sorted by name. */
  current(): Choices {
    return Object.fromEntries([...this.chosen].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /**
   * The result of the fastest way, decided now if it never was. `key` (letters, digits, "-") names the work; `free`
   * disposes results that are not used.
   */
  run<T>(key: string, ways: readonly TimedWay<T>[], free: (result: T) => void): T {
    const known = this.chosen.get(key) ?? this.read(key);
    const way = ways.find(({ name }) => name === known);
    if (way !== undefined) {
      this.chosen.set(key, way.name);
      return way.run();
    }
    const timed = timeInTurns(ways, free, this.clock);
    const first = timed[0]!, fastest = timed.reduce((best, one) => one.milliseconds < best.milliseconds ? one : best);
    const winner = fastest.milliseconds < worthwhile * first.milliseconds ? fastest : first;
    const name = this.write(key, winner.name, timed) ?? first.name;
    this.chosen.set(key, name);
    const result = timed.find((one) => one.name === name) ?? first;
    for (const one of timed) if (one !== result) free(one.result);
    return result.result;
  }

  private file(key: string): string {
    return join(this.folder, `${key}.json`);
  }

  private read(key: string): string | undefined {
    try {
      return (JSON.parse(Deno.readTextFileSync(this.file(key))) as { readonly choice?: string }).choice;
    } catch {
      return undefined; // no such file yet; what cannot be read is decided again and cannot be written over
    }
  }

  /** The choice that is on record afterwards, perhaps another process's; undefined when none can be kept. */
  private write(key: string, choice: string, timed: readonly Timed<unknown>[]): string | undefined {
    const milliseconds = Object.fromEntries(timed.map((one) => [one.name, Number(one.milliseconds.toFixed(2))]));
    const temporary = join(this.folder, `.${crypto.randomUUID()}.tmp`);
    try {
      Deno.mkdirSync(this.folder, { recursive: true });
      Deno.writeTextFileSync(temporary, JSON.stringify({ choice, milliseconds }) + "\n");
      try {
        Deno.linkSync(temporary, this.file(key)); // fails when the file is there: the first one decides
      } finally {
        Deno.removeSync(temporary);
      }
      return choice;
    } catch {
      return this.read(key);
    }
  }
}

interface Timed<T> {
  readonly name: string;
  readonly result: T;
  readonly milliseconds: number;
}

/** The shortest time of each way, and its result. */
function timeInTurns<T>(ways: readonly TimedWay<T>[], free: (result: T) => void, clock: () => number): Timed<T>[] {
  const timed = ways.map((way) => timeOnce(way, clock));
  for (let turn = 0; turn < 2; turn++) {
    if (timed.some(({ milliseconds }) => milliseconds > longMilliseconds)) break;
    for (const [i, way] of ways.entries()) {
      const again = timeOnce(way, clock);
      free(again.result);
      timed[i] = { ...timed[i]!, milliseconds: Math.min(timed[i]!.milliseconds, again.milliseconds) };
    }
  }
  return timed;
}

function timeOnce<T>({ name, run }: TimedWay<T>, clock: () => number): Timed<T> {
  const started = clock();
  const result = run();
  return { name, result, milliseconds: clock() - started };
}
