/**
 * Progress of long work: a bar in a terminal, a plain line every few seconds in a log (both on stderr), one line that
 * is replaced in a notebook.
 */
import process from "node:process";
import { Presets, SingleBar } from "cli-progress";
import { isKernel } from "../notebook/kernel.ts";
import { kernelLine } from "../notebook/kernel_progress.ts";

export interface ProgressOptions {
  readonly label: string;
  /** Units of work in all; may be changed later through `update`. */
  readonly total: number;
  /** Noun of one unit, e.g. "scans". */
  readonly unit?: string;
  /** Seconds between lines when stderr is not a terminal (default 5). */
  readonly everySeconds?: number;
  readonly quiet?: boolean;
}

export interface Progress {
  /** `done` units are finished; `note` is shown at the end of the line (e.g. "loss 0.41"). */
  update(done: number, note?: string, total?: number): void;
  /** Ends the line. */
  finish(note?: string): void;
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

export function progress(options: ProgressOptions): Progress {
  if (options.quiet) return { update() {}, finish() {} };
  if (isKernel()) return notebookLine(options);
  return Deno.stderr.isTerminal() ? terminalBar(options) : logLines(options);
}

function rate(done: number, seconds: number, total: number, unit: string): string {
  const perSecond = done / Math.max(seconds, 1e-9);
  const shown = perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(2);
  return `${shown} ${unit}/s, ${formatSeconds((total - done) / perSecond)} left`;
}

function terminalBar({ label, total, unit = "items" }: ProgressOptions): Progress {
  const started = performance.now();
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total} ${unit} · {rate} {note}`,
    stream: process.stderr,
    hideCursor: true,
    fps: 5,
  }, Presets.shades_classic);
  let currentTotal = total;
  bar.start(total, 0, { rate: "", note: "" });
  return {
    update(done, note = "", newTotal = currentTotal) {
      if (newTotal !== currentTotal) bar.setTotal(currentTotal = newTotal);
      bar.update(done, { rate: rate(done, (performance.now() - started) / 1000, currentTotal, unit), note });
    },
    finish(note = "") {
      bar.update({ rate: `${formatSeconds((performance.now() - started) / 1000)}`, note });
      bar.stop();
    },
  };
}

function logLines({ label, total, unit = "items", everySeconds = 5 }: ProgressOptions): Progress {
  const started = performance.now();
  let last = started, currentTotal = total, latest = 0;
  return {
    update(done, note = "", newTotal = currentTotal) {
      currentTotal = newTotal;
      latest = done;
      const now = performance.now();
      if (now - last < everySeconds * 1000 || done === 0) return;
      last = now;
      console.error(
        `${label}: ${done}/${currentTotal} ${unit}, ${rate(done, (now - started) / 1000, currentTotal, unit)} ${note}`
          .trimEnd(),
      );
    },
    finish(note = "") {
      if (latest === 0 && note === "") return; // nothing was done, as before an error
      const seconds = formatSeconds((performance.now() - started) / 1000);
      console.error(`${label}: ${latest}/${currentTotal} ${unit} in ${seconds} ${note}`.trimEnd());
    },
  };
}

function notebookLine({ label, total, unit = "items" }: ProgressOptions): Progress {
  const started = performance.now(), line = kernelLine();
  let currentTotal = total, latest = 0;
  return {
    update(done, note = "", newTotal = currentTotal) {
      currentTotal = newTotal;
      latest = done;
      const speed = rate(done, (performance.now() - started) / 1000, currentTotal, unit);
      line.update(`${label} ${done}/${currentTotal} ${unit} · ${speed} ${note}`.trimEnd(), done / currentTotal);
    },
    finish(note = "") {
      const seconds = formatSeconds((performance.now() - started) / 1000);
      line.finish(`${label}: ${latest}/${currentTotal} ${unit} in ${seconds} ${note}`.trimEnd());
    },
  };
}
