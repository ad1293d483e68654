/** Random networks as a control: statistics of the data, weights as they were drawn. */
import { expect, test } from "vitest";
import { settleStatistics } from "../../../lib/evaluate/saliency/settle.ts";
import { networkConfig } from "../../../lib/nn/config.ts";
import { createNetwork } from "../../../lib/nn/network.ts";
import * as tf from "../../../lib/tf.ts";
import { describeEngines } from "../../support/engines.ts";
import { hashFilled } from "../../support/hash_fill.ts";

describeEngines("settleStatistics", (engine) => {
  test("running statistics become those of the scans; weights and memory stay as they were", async () => {
    const config = networkConfig({ model: "tiny", widths: [4, 4, 6, 6], penultimate: 0, dropout: 0 });
    const network = createNetwork(config, engine().ops, 7);
    const before = await network.stateDict(), tensors = tf.memory().numTensors;
    const asked: number[] = [];
    await settleStatistics([network], [8, 16, 16], (index) => {
      asked.push(index);
      return Promise.resolve(hashFilled([8, 16, 16], index % 5, 0.5));
    });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(asked).toEqual(Array.from({ length: 120 }, (_, i) => i));
    const after = await network.stateDict();
    const changed = [...before].filter(([name, { data }]) => String(data) !== String(after.get(name)!.data));
    expect(changed.length).toBeGreaterThan(0);
    for (const [name] of changed) expect(name).toMatch(/running_mean|running_var|num_batches_tracked/);
    expect(changed.map(([name]) => name)).toContain("stem.1.running_var");
    network.dispose();
  });
});
