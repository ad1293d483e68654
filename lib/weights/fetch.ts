/** The verb `downloadWeights`: torchvision's official weights into the user's cache. */
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import { makeFolder } from "../files.ts";
import { download, type DownloadOptions } from "./download.ts";
import { hashInName, officialFile, officialHost, weightsCache } from "./official.ts";
import { shellWord } from "../paths.ts";

export interface DownloadWeightsOptions
  extends Pick<DownloadOptions, "onProgress" | "signal" | "attempts" | "retryMilliseconds" | "stallMilliseconds"> {
  /** "r3d_18" (default), "mc3_18" or "r2plus1d_18". */
  readonly model?: string;
  /** Folder of the server; PyTorch's when left out. A mirror must have the same files: their hash is checked. */
  readonly baseUrl?: string;
}

export interface DownloadedWeights {
  readonly file: string;
  /** False when the file was there already. */
  readonly fetched: boolean;
}

/** @throws DataError as `download` does, with what to do where there is no connection; ConfigError for other models and what is no URL */
export async function downloadWeights(options: DownloadWeightsOptions = {}): Promise<DownloadedWeights> {
  const { model = "r3d_18", baseUrl = officialHost, ...rest } = options;
  const name = officialFile(model);
  const url = URL.parse(name, baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`)?.href;
  if (url === undefined) {
    throw new ConfigError("weights.base-url", "this is no address of a server", {
      expected: `a URL, e.g. ${officialHost}`,
      found: baseUrl,
    });
  }
  const file = join(weightsCache(), name);
  await makeFolder(weightsCache());
  const manual = `Without a connection: download ${url} on another machine, copy it here as ${file} ` +
    `(or anywhere), and run \`cov3d weights import ${shellWord(file)}\``;
  const fetched = await download({ ...rest, url, file, sha256Prefix: hashInName(name)!, manual });
  return { file, fetched };
}
