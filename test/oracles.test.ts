/** Every golden value that this project has to meet is met by some test; what is left out belongs to later work. */
import { expect, test } from "vitest";
import { oracleIds } from "./support/oracles.ts";

/** Golden values of parts that are not built yet: the baseline. */
const later = [
  ...["baseline.gru", "baseline.params", "baseline.voting", "baseline.voting_masked", "baseline.softmax_ce"],
];

/** Text of all tests and of what they share, without this file. */
function testSources(folder = new URL("./", import.meta.url)): string {
  return [...Deno.readDirSync(folder)].filter(({ name }) => name !== "fixtures" && name !== "oracles.test.ts")
    .map(({ name, isDirectory }) =>
      isDirectory ? testSources(new URL(`${name}/`, folder)) : Deno.readTextFileSync(new URL(name, folder))
    ).join("\n");
}

test("every golden value is read by a test, under its whole name", () => {
  const sources = testSources();
  const unused = oracleIds.filter((id) => !sources.includes(`"${id}"`) && !later.includes(id));
  expect(unused).toEqual([]);
});

test("what is left for later is in the fixture, and still unused", () => {
  const sources = testSources();
  expect(later.filter((id) => !oracleIds.includes(id) || sources.includes(`"${id}"`))).toEqual([]);
});
