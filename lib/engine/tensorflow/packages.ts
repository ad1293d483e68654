/** Which wheel holds TensorFlow's library on a platform, and which of its members are needed. */
import { EngineError } from "../../errors.ts";
import { libraryFiles } from "./paths.ts";
import type { Wheel } from "./wheel.ts";

/** A wheel as pip is asked for it; it does not have to fit the user's own Python. */
export interface PackageSpec {
  readonly requirement: string;
  readonly python: string;
  /** Platform tags, newest first. */
  readonly platforms: readonly string[];
}

const version = "2.21.0", python = "3.13";
const linux = (arch: string) => [`manylinux_2_27_${arch}`, `manylinux_2_17_${arch}`, `manylinux2014_${arch}`];

/** @throws EngineError where TensorFlow publishes no wheel for the platform. */
export function tensorflowPackage(
  { cuda }: { cuda: boolean },
  { os, arch }: Pick<typeof Deno.build, "os" | "arch"> = Deno.build,
): PackageSpec {
  if (cuda && !(os === "linux" && arch === "x86_64")) throw unsupported(`CUDA on ${os} ${arch}`);
  switch (`${os} ${arch}`) {
    case "linux x86_64":
      return { requirement: `tensorflow${cuda ? "" : "-cpu"}==${version}`, python, platforms: linux(arch) };
    case "linux aarch64":
      return { requirement: `tensorflow==${version}`, python, platforms: linux(arch) };
    case "darwin aarch64":
      return { requirement: `tensorflow==${version}`, python, platforms: ["macosx_12_0_arm64"] };
    case "darwin x86_64": // TensorFlow's last release for Intel Macs
      return { requirement: "tensorflow==2.16.2", python: "3.12", platforms: ["macosx_10_15_x86_64"] };
    default:
      throw unsupported(`${os} ${arch}`);
  }
}

/** NVIDIA's wheels that `tensorflow[and-cuda]` names in its metadata. */
export function cudaPackages(tensorflow: Wheel): PackageSpec[] {
  const lines = tensorflow.metadata.matchAll(/^Requires-Dist: (nvidia-[\w-]+)\s*\(?([^;)]*)\)?\s*;.*and-cuda/gm);
  const platforms = [...linux("x86_64"), "manylinux2010_x86_64", "manylinux1_x86_64"];
  return [...lines].map(([, name, range]) => ({ requirement: `${name}${range!.trim()}`, python, platforms }));
}

/** Paths inside a wheel that the engine needs: the two libraries, what they were bundled with, NVIDIA's libraries. */
export function isNeeded(path: string): boolean {
  const { main, framework } = libraryFiles();
  return path === `tensorflow/${main}` || path === `tensorflow/${framework}` ||
    path === "tensorflow/python/platform/build_info.py" ||
    /^tensorflow[^/]*\.libs\/|^tensorflow\/\.dylibs\//.test(path) ||
    /^nvidia\/[^/]+\/lib\/.*\.so/.test(path) || /^nvidia\/cuda_nvcc\/(bin|nvvm)\/./.test(path);
}

function unsupported(platform: string): EngineError {
  return new EngineError("engine.install.platform", `TensorFlow publishes no library for ${platform}`, {
    expected: "Linux or macOS on x86-64 or arm64 (CUDA: Linux on x86-64)",
    found: platform,
    hint: "Use the wasm engine, which runs everywhere",
  });
}
