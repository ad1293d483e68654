/** What a folder holds of an ensemble, before another one is written there. */
import { join } from "node:path";
import { RunError } from "../errors.ts";
import type { Sources } from "./ensemble_sources.ts";

/**
 * Refuses a folder with the results of other members: they would be written over.
 * @throws RunError "ensemble.other"
 */
export async function assertSameEnsemble(folder: string, { all, of }: Sources): Promise<void> {
  const held = await heldMembers(folder);
  if (held === undefined) return;
  // A member is recorded for the tasks that it answers, so that what is held can be less than what is asked for.
  const isOther =
    (["presence", "severity"] as const).some((task) =>
      held[task].some((source) => !of(task).sources.includes(source))
    ) || all.some((source) => !held.presence.includes(source) && !held.severity.includes(source));
  if (!isOther) return;
  throw new RunError("ensemble.other", "an ensemble of other members is here already", {
    file: folder,
    expected: all.join(", "),
    found: [...new Set([...held.presence, ...held.severity])].join(", "),
    hint: "Choose another folder with --out",
  });
}

/** Undefined where there is none, or none that can be read. */
async function heldMembers(folder: string): Promise<Record<"presence" | "severity", string[]> | undefined> {
  try {
    const { members } = JSON.parse(await Deno.readTextFile(join(folder, "ensemble.json"))) as {
      readonly members: Record<"presence" | "severity", readonly { readonly source: string }[]>;
    };
    const sources = (task: "presence" | "severity") => members[task].map(({ source }) => source);
    return { presence: sources("presence"), severity: sources("severity") };
  } catch {
    return undefined;
  }
}
