/** A real browser for tests: Debian's Chromium, or the one that COV3D_CHROMIUM names. */
import type { Browser } from "playwright-core";
import { chromium } from "playwright-core";

const places = [Deno.env.get("COV3D_CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** Path of Chromium; undefined where there is none. COV3D_REQUIRE_BROWSER=1 makes that an error, so that CI cannot skip. */
export function findChromium(): string | undefined {
  for (const place of places) {
    try {
      if (place && Deno.statSync(place).isFile) return place;
    } catch {
      // not here
    }
  }
  if (Deno.env.get("COV3D_REQUIRE_BROWSER") === "1") {
    throw new Error("COV3D_REQUIRE_BROWSER is set, and no Chromium is there");
  }
  console.warn("skipped: no Chromium (apt-get install chromium, or COV3D_CHROMIUM)");
  return undefined;
}

const everywhere = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** @param flags how it draws: without a GPU when left out */
export function launchChromium(executablePath: string, flags: readonly string[] = ["--disable-gpu"]): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...everywhere, "--no-first-run", "--disable-quic", ...flags] });
}
