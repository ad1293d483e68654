/** Ways of computing are timed once; what was chosen is kept by the table, and by whoever restores it. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TimedChoices } from "../../lib/engine/timed_choices.ts";

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-choices-" });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

/** The clock of these tests: it moves when a way runs. */
let time = 0;
const openTable = (table: string) => new TimedChoices(table, () => time);

/** A way that takes some milliseconds and counts its runs. */
function way(name: string, milliseconds: number) {
  const made = { name, runs: 0, run: () => name };
  made.run = () => {
    made.runs++;
    time += milliseconds;
    return name;
  };
  return made;
}

const free = () => {};

test("the fastest way is taken, the first one when the difference is small; neither is timed again", () => {
  const choices = openTable(join(folder, "fastest"));
  const slow = way("slow", 12), fast = way("fast", 2);
  const freed: string[] = [];
  expect(choices.run("a", [slow, fast], (result) => freed.push(result))).toBe("fast");
  expect(freed.toSorted()).toEqual(["fast", "fast", "slow", "slow", "slow"]);
  expect([slow.runs, fast.runs]).toEqual([3, 3]);
  expect(choices.run("a", [slow, fast], free)).toBe("fast");
  expect([slow.runs, fast.runs]).toEqual([3, 4]);
  expect(choices.current()).toEqual({ a: "fast" });
  expect(choices.run("b", [way("first", 20), way("second", 20)], free)).toBe("first");
});

test("another process finds the table and times nothing, even where it would choose otherwise", () => {
  const table = join(folder, "table");
  openTable(table).run("a", [way("x", 10), way("y", 1)], free);
  const x = way("x", 1), y = way("y", 10);
  const later = openTable(table);
  expect(later.run("a", [x, y], free)).toBe("y");
  expect([x.runs, y.runs]).toEqual([0, 1]);
});

test("the first of two processes to write decides", () => {
  const table = join(folder, "race");
  let other: string | undefined;
  const x = way("x", 1), y = way("y", 10);
  const intruder = {
    name: "x",
    run() {
      other ??= openTable(table).run("a", [way("x", 10), way("y", 1)], free);
      return x.run();
    },
  };
  expect(openTable(table).run("a", [intruder, y], free)).toBe("y");
  expect(other).toBe("y");
});

test("restored choices win over the table; unknown ones are decided", () => {
  const table = join(folder, "restored");
  openTable(table).run("a", [way("x", 10), way("y", 1)], free);
  const choices = openTable(table);
  choices.restore({ a: "x", b: "gone" });
  expect(choices.run("a", [way("x", 10), way("y", 1)], free)).toBe("x");
  expect(choices.run("b", [way("x", 10), way("y", 1)], free)).toBe("y");
  expect(choices.current()).toEqual({ a: "x", b: "y" });
});

test("without a place for the table the first way is taken, which needs no luck to be the same again", () => {
  const file = join(folder, "file");
  Deno.writeTextFileSync(file, "");
  expect(openTable(file).run("a", [way("x", 10), way("y", 1)], free)).toBe("x");
});
