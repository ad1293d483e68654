import { expect, test } from "vitest";
import { modelNames, networkConfig, stockConfig } from "../../lib/nn/config.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import { stateShapes } from "../../lib/nn/state_shapes.ts";
import { describeEngines } from "../support/engines.ts";

describeEngines("state shapes", (engine) => {
  test.for(modelNames)("%s: the plan's names, order, types and shapes are the network's", async (model) => {
    const small = { widths: [4, 6, 6, 8], outputs: 3 };
    const variants = [{ penultimate: 0, finalBias: true }, { penultimate: 5 }, { ...stockConfig(model), ...small }];
    for (const variant of variants) {
      const config = networkConfig({ model, ...small, ...variant });
      const network = createNetwork(config, engine().ops, 0);
      const state = [...await network.stateDict()].map(([name, { dtype, shape }]) => [name, { dtype, shape }]);
      expect([...stateShapes(config)]).toEqual(state);
      network.dispose();
    }
  });
}, ["wasm"]);
