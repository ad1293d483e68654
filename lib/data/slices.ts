/** Order of slices and of scan names. */

/** Extensions that slices may have, in order of preference; within one scan the first kind present is used alone. */
const extensions = [".jpg", ".jpeg", ".JPG", ".JPEG", ".png", ".PNG"] as const;

/** Number of an all-digit stem ("007.jpg" → 7); undefined for any other name. */
export function sliceNumber(name: string): number | undefined {
  const match = /^(\d+)\.[A-Za-z]+$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Slices of a scan folder among its entries: names "<digits>.jpg" in integer order (the original's rule). Where there
 * is none, the same with .jpeg, .JPG, .JPEG, .png or .PNG; kinds are never mixed. Everything else is left out.
 */
export function sliceOrder(names: readonly string[]): string[] {
  const kinds = new Map<string, { name: string; number: number }[]>();
  for (const name of names) {
    const number = sliceNumber(name);
    if (number === undefined) continue;
    const extension = name.slice(name.indexOf(".")), kind = kinds.get(extension);
    if (kind === undefined) kinds.set(extension, [{ name, number }]);
    else kind.push({ name, number });
  }
  const chosen = extensions.find((extension) => kinds.has(extension));
  if (chosen === undefined) return [];
  return kinds.get(chosen)!.sort((a, b) => a.number - b.number || compareText(a.name, b.name)).map(({ name }) => name);
}

/** Names sorted by their first run of digits (−1 where there is none), as the original's text outputs are. */
export function outputOrder(names: readonly string[]): string[] {
  return [...names].sort((a, b) => firstNumber(a) - firstNumber(b) || compareText(a, b));
}

function firstNumber(name: string): number {
  const digits = /\d+/.exec(name);
  return digits === null ? -1 : Number(digits[0]);
}

/** By code unit: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
