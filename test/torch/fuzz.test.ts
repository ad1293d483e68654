import { expect, test } from "vitest";
import { cpuSeconds } from "./support/cpu.ts";
import { damaged, mutations, readAll } from "./support/mutations.ts";

/** The script fuzz.ts runs ten times as many and measures memory too. */
const count = 20_000;

test(`${count} damaged checkpoints each give a typed error or values that can be read`, () => {
  const outcomes = new Map<string, number>(), broken: string[] = [];
  let slowest = 0;
  for (let index = 0; index < count; index++) {
    const { name, bytes } = damaged(7, index), started = cpuSeconds();
    try {
      const { kind } = readAll(bytes);
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    } catch (error) {
      broken.push(`case ${index} (${name}): ${error}`);
    }
    slowest = Math.max(slowest, cpuSeconds() - started);
  }
  expect(broken).toEqual([]);
  expect(slowest).toBeLessThan(2);
  // the damage reaches every layer, and some of it harms nothing
  const layers = ["read", "torch.zip-directory", "torch.opcode-refused", "torch.global-refused", "torch.storage-size"];
  for (
    const kind of [...layers, "torch.tensor-bounds", "torch.legacy-keys", "torch.zip-checksum", "torch.zip-inflate"]
  ) {
    expect(outcomes.get(kind) ?? 0, kind).toBeGreaterThan(0);
  }
});

test("every kind of damage changes files", () => {
  const names = Array.from({ length: 500 }, (_, index) => damaged(7, index).name).join(" ");
  for (const kind of Object.keys(mutations)) expect(names).toContain(kind);
});
