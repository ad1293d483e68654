/** The help of every command, without a process for each. */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "@commander-js/extra-typings";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Help as it is printed, subcommands' included. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => text += part }).outputHelp();
  return text + command.commands.map((inner) => helpOf(inner as unknown as Command)).join("\n");
}

const files = [...Deno.readDirSync(`${root}lib/cli`)].map(({ name }) => name).filter((name) => name.endsWith(".ts"));
const helps: { name: string; text: string }[] = [];
for (const file of files.sort()) {
  const path = `${root}lib/cli/${file}`;
  const module = await import(/* @vite-ignore */ path) as { register?: (program: Command) => void };
  if (module.register === undefined) continue;
  const program = new Command();
  module.register(program);
  const command = program.commands[0] as unknown as Command;
  expect(command.name()).toBe(basename(file, ".ts"));
  helps.push({ name: command.name(), text: helpOf(command) });
}

describe.each(helps)("cov3d $name --help", ({ text }) => {
  test("has examples, and no path of this checkout", () => {
    expect(text).toContain("Examples:");
    expect(text).not.toContain(root.slice(0, -1));
  });
});

test("every command is there", () => {
  expect(helps.length).toBeGreaterThanOrEqual(22);
});
