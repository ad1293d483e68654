/** A Python with NumPy, where one is there: COV3D_PYTHON, python3 or python. */
export async function numpyPython(modules = "numpy"): Promise<string | undefined> {
  for (const name of [Deno.env.get("COV3D_PYTHON"), "python3", "python"]) {
    if (name === undefined) continue;
    try {
      const command = new Deno.Command(name, { args: ["-c", `import ${modules}`], stdout: "null", stderr: "null" });
      if ((await command.output()).success) return name;
    } catch {
      // not installed
    }
  }
  return undefined;
}
