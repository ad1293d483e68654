/** How the kit's own sides are started: this Deno, a script beside this file, its options as one JSON argument. */
import { join } from "node:path";
import type { EngineName } from "../../lib/engine/types.ts";
import { peerFolder } from "./peer.ts";
import type { SideCommand } from "./side.ts";

export function kitCommand(
  benchmark: "step" | "conv",
  engine: EngineName,
  options: Readonly<Record<string, unknown>>,
): SideCommand {
  return {
    name: `kit ${engine}`,
    executable: Deno.execPath(),
    args: ["run", "-A", join(peerFolder, `kit_${benchmark}.ts`), JSON.stringify({ engine, ...options })],
  };
}
