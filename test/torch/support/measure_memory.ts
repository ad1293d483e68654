/** Reads a checkpoint in a process that does nothing else. Prints how far its resident memory rose, as one JSON line. */
import { DataError } from "../../../lib/errors.ts";
import { readTorchCheckpoint, TorchTensor, type TorchValue } from "../../../lib/torch/mod.ts";
import { peakResidentBytes } from "../../bench/side.ts";

const [file = "", mode = "keep"] = Deno.args;
const before = Deno.memoryUsage().rss;
const kept: unknown[] = [];
let result = "read";

/** "keep": every tensor's numbers stay; "one": each as float32, one at a time. */
function readTensors(value: TorchValue): void {
  if (value instanceof TorchTensor) {
    if (mode === "keep") kept.push(value.data());
    else kept[0] = value.toFloat32();
  } else {for (const item of value instanceof Map ? value.values() : Array.isArray(value) ? value : []) {
      readTensors(item);
    }}
}

try {
  const checkpoint = await readTorchCheckpoint(file);
  readTensors(checkpoint.value);
} catch (error) {
  if (!(error instanceof DataError)) throw error;
  result = error.code;
}
console.log(JSON.stringify({ result, kept: kept.length, growth: peakResidentBytes()! - before }));
