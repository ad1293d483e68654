/** Memory while reading, in fresh processes: at most twice what the file declares, and 32 MB. */
import { afterAll, describe, expect, test } from "vitest";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import type { StateDict } from "../../lib/nn/safetensors.ts";
import { encodeTorchCheckpoint } from "../../lib/torch/mod.ts";
import * as a from "./support/assembler.ts";

const mebibyte = 2 ** 20, tensors = 16, bytesEach = 4 * mebibyte;
const folder = Deno.makeTempDirSync({ prefix: "cov3d-torch-" });
afterAll(() => Deno.removeSync(folder, { recursive: true }));

const script = fileURLToPath(new URL("./support/measure_memory.ts", import.meta.url));

async function measure(bytes: Uint8Array, mode = "keep"): Promise<{ result: string; kept: number; growth: number }> {
  const file = `${folder}/weights.pt`;
  Deno.writeFileSync(file, bytes);
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, file, mode],
    stderr: "inherit",
  }).output();
  expect(success).toBe(true);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** 4 MiB of numbers that hardly compress. */
function noise(seed: number): Uint8Array {
  const bits = new Uint32Array(bytesEach / 4);
  for (let i = 0, state = seed + 1; i < bits.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223;
    bits[i] = state >>> 9 | 0x3f800000; // float32 in [1, 2)
  }
  return new Uint8Array(bits.buffer);
}

const contents = Array.from({ length: tensors }, (_, i) => noise(i));

function zip(dtype: "F32" | "F16"): Uint8Array {
  const state: StateDict = new Map(contents.map((bytes, i) => [
    `w${i}`,
    dtype === "F32"
      ? { dtype, shape: [bytesEach / 4], data: new Float32Array(bytes.buffer) }
      : { dtype, shape: [bytesEach / 2], data: bytes },
  ]));
  return encodeTorchCheckpoint(state);
}

const pickleOf = () =>
  a.pickle(a.dict(...contents.map((_, i): [string, a.Bytes] => {
    const elements = bytesEach / 4;
    return [`w${i}`, a.tensor({ storage: a.storage({ key: `${i}`, elements }), shape: [elements], stride: [1] })];
  })));

function deflated(): Uint8Array {
  const content = contents[0]!, packed = new Uint8Array(deflateRawSync(content, { level: 1 }));
  const stored = contents.map((_, i) => ({ name: `a/data/${i}`, content, packed }));
  return a.archive([{ name: "a/data.pkl", content: Uint8Array.from(pickleOf()) }, ...stored]);
}

function legacy(): Uint8Array {
  const keys = [...a.emptyList, ...contents.flatMap((_, i) => [...a.text(`${i}`), ...a.append])];
  const head = a.legacy(pickleOf(), { keys, storages: [] });
  return a.concat([head, ...contents.flatMap((content) => [Uint8Array.from(a.little(bytesEach / 4, 8)), content])]);
}

describe.skipIf(Deno.build.os !== "linux")("64 MiB of tensors (needs /proc, so Linux)", () => {
  const bound = 2 * tensors * bytesEach + 32 * mebibyte;
  test.each<[string, () => Uint8Array, string, number]>([
    ["zip container", () => zip("F32"), "keep", tensors],
    ["legacy container", legacy, "keep", tensors],
    ["compressed archive", deflated, "keep", tensors],
    ["float16, one tensor at a time", () => zip("F16"), "one", 1],
  ])("%s", async (_, make, mode, count) => {
    const { result, kept, growth } = await measure(make(), mode);
    expect([result, kept]).toEqual(["read", count]);
    expect(growth).toBeGreaterThan(tensors * bytesEach); // the measurement sees the file
    expect(growth).toBeLessThan(bound);
  });
});

const float = [0x47, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]; // 0.1

/** A checkpoint whose pickle does one thing many times and then stops with a wrong stack. */
function many(count: number, part: (i: number) => a.Bytes, before: a.Bytes = [], after: a.Bytes = []): Uint8Array {
  const content = new Uint8Array(20 * count + 1000);
  let length = 0;
  const add = (bytes: a.Bytes) => {
    content.set(bytes, length);
    length += bytes.length;
  };
  add([0x80, 2, ...before]);
  for (let i = 0; i < count; i++) add(part(i));
  add([...after, ...a.none, ...a.none, ...a.stop]);
  return a.archive([{ name: "a/data.pkl", content: content.subarray(0, length) }]);
}

describe.skipIf(Deno.build.os !== "linux")("small files that want much (needs /proc, so Linux)", () => {
  const [head, place] = a.entriesOf(a.pickle(a.dict(["w", a.tensor()]))) as [a.EntryParts, a.EntryParts];
  test.each<[string, string, () => Uint8Array]>([
    ["a bomb of 1 GB", "torch.zip-bomb", () => bomb(head)],
    ["an entry that says 16 bytes and is 64 MB", "torch.zip-bomb", () => a.archive([head, { ...place, ...lie() }])],
    ["as many entries as allowed", "torch.container", () => a.archive(entries(16_000))],
    ["as many dictionaries as allowed", "torch.pickle-stack", () => many(49_000, () => a.emptyDict)],
    ["as many texts as allowed", "torch.pickle-stack", () => many(49_000, () => a.text("ä🙂"))],
    [
      "as many remembered texts as allowed",
      "torch.pickle-stack",
      () => many(49_000, (i) => [...a.text(`${i}`), 0x72, ...a.little(i, 4)]),
    ],
    ["as many floating-point numbers as allowed", "torch.pickle-stack", () => many(159_000, () => float)],
    [
      "as many items of a dictionary as allowed",
      "torch.pickle-stack",
      () => many(79_000, (i) => [...a.int(i), ...a.none], [...a.emptyDict, ...a.mark], a.setItems),
    ],
  ])("%s", async (_, code, make) => {
    const bytes = make(), { result, growth } = await measure(bytes);
    expect(result).toBe(code);
    expect(growth).toBeLessThan(2 * bytes.length + 32 * mebibyte);
  });
});

function entries(count: number): a.EntryParts[] {
  return Array.from({ length: count }, (_, i) => ({ name: `a/${i}`, content: new Uint8Array() }));
}

function bomb(head: a.EntryParts): Uint8Array {
  const packed = new Uint8Array(deflateRawSync(new Uint8Array(64 * mebibyte), { level: 1 }));
  return a.archive([head, { name: "a/data/0", content: new Uint8Array(), packed, size: 2 ** 30 }]);
}

function lie(): Partial<a.EntryParts> {
  const packed = new Uint8Array(deflateRawSync(new Uint8Array(64 * mebibyte), { level: 1 }));
  return { packed, size: 16 };
}
