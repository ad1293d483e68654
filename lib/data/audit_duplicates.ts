/** The same slices or scans more than once, within a split and across splits. */
import { createHash } from "node:crypto";
import type { SliceFacts } from "./audit_slices.ts";
import type { Scan } from "./types.ts";

export interface Duplicates {
  /** Scans with exactly the same slices in the same order. */
  readonly scans: readonly {
    readonly scans: readonly string[];
    readonly acrossSplits: boolean;
    readonly acrossClasses: boolean;
  }[];
  /** Pairs of scans that share some slices, most shared first. */
  readonly sharedSlices: readonly {
    readonly scans: readonly [string, string];
    readonly slices: number;
    readonly acrossSplits: boolean;
    readonly acrossClasses: boolean;
  }[];
  /** Slices that occur more than once inside one scan: how many there are too many. */
  readonly withinScans: readonly { readonly scan: string; readonly repeated: number }[];
}

/** Blank slices are the same everywhere and say nothing: they are left out. */
export function findDuplicates(scans: readonly Scan[], facts: ReadonlyMap<string, readonly SliceFacts[]>): Duplicates {
  const byKey = new Map(scans.map((scan) => [scan.key, scan]));
  const compare = (keys: readonly string[]) => {
    const own = keys.map((key) => byKey.get(key)!);
    return {
      acrossSplits: new Set(own.map(({ split }) => split)).size > 1,
      acrossClasses: new Set(own.map(({ presence }) => presence).filter((label) => label !== undefined)).size > 1,
    };
  };
  const telling = new Map([...facts].map(([key, slices]) => [key, slices.filter(({ blank }) => !blank)]));
  return {
    scans: identicalScans(facts, telling).map((keys) => ({ scans: keys, ...compare(keys) })),
    sharedSlices: sharingPairs(telling).map(([a, b, slices]) => ({ scans: [a, b], slices, ...compare([a, b]) })),
    withinScans: [...telling].map(([scan, slices]) => ({ scan, repeated: slices.length - contentsOf(slices).size }))
      .filter(({ repeated }) => repeated > 0),
  };
}

const contentsOf = (slices: readonly SliceFacts[]) => new Set(slices.map(({ content }) => content));

function identicalScans(
  facts: ReadonlyMap<string, readonly SliceFacts[]>,
  telling: ReadonlyMap<string, readonly SliceFacts[]>,
): string[][] {
  const groups = new Map<string, string[]>();
  for (const [key, slices] of facts) {
    if (telling.get(key)!.length === 0) continue;
    const hash = createHash("sha256");
    for (const { content } of slices) hash.update(`${content}\n`);
    const content = hash.digest("base64url");
    groups.set(content, [...groups.get(content) ?? [], key]);
  }
  return [...groups.values()].filter((keys) => keys.length > 1);
}

/** Pairs of scans and the number of different slices that both have. */
function sharingPairs(telling: ReadonlyMap<string, readonly SliceFacts[]>): [string, string, number][] {
  const owners = new Map<string, string | string[]>(); // nearly always one: half a million arrays would weigh
  for (const [key, slices] of telling) {
    for (const content of contentsOf(slices)) {
      const known = owners.get(content);
      if (Array.isArray(known)) known.push(key);
      else owners.set(content, known === undefined ? key : [known, key]);
    }
  }
  const pairs = new Map<string, [string, string, number]>();
  for (const keys of owners.values()) {
    if (!Array.isArray(keys)) continue;
    for (let i = 1; i < keys.length; i++) {
      for (let j = 0; j < i; j++) {
        const [a, b] = [keys[j]!, keys[i]!], name = `${a}\n${b}`, pair = pairs.get(name);
        if (pair === undefined) pairs.set(name, [a, b, 1]);
        else pair[2]++;
      }
    }
  }
  return [...pairs.values()].sort((a, b) => b[2] - a[2]);
}
