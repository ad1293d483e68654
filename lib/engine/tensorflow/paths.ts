/** Where a fetched TensorFlow library lives, and what its files are called on each platform. */
import { join } from "node:path";
import { cacheRoot } from "../../paths.ts";

/** `<cache>/tensorflow`: one folder per installed build, e.g. `2.21.0-cpu`. */
export function libraryCache(): string {
  return join(cacheRoot(), "tensorflow");
}

/** The two files that make up TensorFlow's C API in PyPI's wheels (a "folder" is the package's `tensorflow/`). */
export interface LibraryFiles {
  /** TF_* and TFE_* functions, kernels. */
  readonly main: string;
  /** Loaded by `main` from its own folder. */
  readonly framework: string;
}

export function libraryFiles(os: typeof Deno.build.os = Deno.build.os): LibraryFiles {
  return os === "darwin"
    ? { main: "libtensorflow_cc.2.dylib", framework: "libtensorflow_framework.2.dylib" }
    : { main: "libtensorflow_cc.so.2", framework: "libtensorflow_framework.so.2" };
}

/** The official C tarball's single library, tried after the wheel's names. */
export function tarballFile(os: typeof Deno.build.os = Deno.build.os): string {
  return os === "darwin" ? "libtensorflow.2.dylib" : "libtensorflow.so.2";
}
