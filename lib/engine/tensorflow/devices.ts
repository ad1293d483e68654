/** Devices of a TensorFlow context: what there is, and which one computes. */
import { EngineError } from "../../errors.ts";
import type { EngineDevice } from "../types.ts";
import { cString, textAt } from "./c_strings.ts";
import type { Functions, Pointer } from "./ffi.ts";
import type { Status } from "./status.ts";

export interface TensorflowDevice extends EngineDevice {
  /** "GPU:0": what a user types. */
  readonly short: string;
  /** "/job:localhost/replica:0/task:0/device:GPU:0": what TensorFlow calls it. */
  readonly full: string;
}

/** Serialised tensorflow.ConfigProto: device_count {"CPU": n}, allow_soft_placement (ops without a GPU kernel). */
export function contextConfig(virtualCpus: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(virtualCpus) || virtualCpus < 1 || virtualCpus > 127) {
    throw new EngineError("engine.tensorflow.virtual_cpus", "virtualCpus must be a whole number from 1 to 127", {
      found: String(virtualCpus),
    });
  }
  const deviceCount = [0x0a, 0x07, 0x0a, 0x03, 0x43, 0x50, 0x55, 0x10, virtualCpus];
  const allowSoftPlacement = [0x38, 0x01];
  return Uint8Array.from([...(virtualCpus > 1 ? deviceCount : []), ...allowSoftPlacement]);
}

/** CPUs and GPUs of a context, GPUs first. */
export function listDevices(c: Functions, context: Pointer, status: Status): TensorflowDevice[] {
  const list = c.TFE_ContextListDevices(context, status.pointer);
  status.check("TFE_ContextListDevices");
  const devices: TensorflowDevice[] = [];
  for (let i = 0; i < c.TF_DeviceListCount(list); i++) {
    const full = textAt(c.TF_DeviceListName(list, i, status.pointer));
    const type = textAt(c.TF_DeviceListType(list, i, status.pointer));
    if (type !== "CPU" && type !== "GPU") continue; // XLA's own devices
    const short = full.slice(full.lastIndexOf("device:") + "device:".length);
    const kind = type === "GPU" ? "gpu" : "cpu";
    devices.push({ short, full, kind, name: kind === "gpu" ? nameGpu(short) : short });
  }
  c.TF_DeleteDeviceList(list);
  return [...devices.filter(({ kind }) => kind === "gpu"), ...devices.filter(({ kind }) => kind === "cpu")];
}

/** The device that the user named, else the first GPU, else the first CPU. Remembered names in `cString`. */
export function chooseDevice(devices: readonly TensorflowDevice[], wanted: string | undefined): TensorflowDevice {
  const name = wanted?.toUpperCase();
  const chosen = devices.find((device) => name === undefined || device.short === name);
  if (chosen !== undefined) {
    cString(chosen.full);
    return chosen;
  }
  throw new EngineError("engine.device", `no device is called "${wanted}"`, {
    expected: devices.map(({ short }) => short).join(", "),
    found: wanted ?? "none",
  });
}

/** The C API names no model; the driver does, which is used where all cards are of one model. */
function nameGpu(short: string): string {
  const models = new Set<string>();
  try {
    for (const card of Deno.readDirSync("/proc/driver/nvidia/gpus")) {
      const text = Deno.readTextFileSync(`/proc/driver/nvidia/gpus/${card.name}/information`);
      const model = /^Model:\s*(.+)$/m.exec(text)?.[1];
      if (model !== undefined) models.add(model);
    }
  } catch {
    return short;
  }
  const [model] = models;
  return models.size === 1 ? `${short} ${model}` : short;
}
