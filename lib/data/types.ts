/** What the data half of the kit passes around. */

/** Annotated grade of a COVID-19 positive scan; "undefined" = positive without annotation, or negative. */
export type Severity = "mild" | "moderate" | "severe" | "critical" | "undefined";
/** Grades in the order of the CSV categories 1…4 and of the severity logits 0…3. */
export const severities = ["mild", "moderate", "severe", "critical"] as const;
/** "train", "validation", or any further labelled or unlabelled set ("test", "part1_1_set_test_ECCV" …). */
export type Split = string;

/** One CT scan of the dataset index. Paths are absolute; nothing has been decoded yet. */
export interface Scan {
  /** Folder name, e.g. "ct_scan_12". Unique within split and class, not across them: see `key`. */
  readonly id: string;
  /** "split/class/id" (or "split/id" when unlabelled): unique in the dataset and stable across machines. */
  readonly key: string;
  readonly split: Split;
  /** True = COVID-19 positive; absent for unlabelled test folders. */
  readonly presence?: boolean;
  readonly severity: Severity;
  /** Patient id where a `scan;patient` CSV names one. */
  readonly patient?: string;
  readonly folder: string;
  /** Slice file names (not paths) in anatomical order: integer order of all-digit stems. */
  readonly slices: readonly string[];
  /** Number of directory entries that were ignored. */
  readonly ignored: number;
}

export interface Dataset {
  readonly root: string;
  readonly scans: readonly Scan[];
  /** Things a person should know (odd names that were accepted, entries ignored …), one sentence each. */
  readonly notes: readonly string[];
}

/** A volume of voxels in C order [D, H, W]; depth runs in slice order, W is left-right. */
export interface Volume<Voxels extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  readonly voxels: Voxels;
  readonly shape: readonly [depth: number, height: number, width: number];
  readonly spacingMm?: readonly [depth: number, height: number, width: number];
  /** "uint8": 8-bit grey 0…255; "unit": grey / 255 (cubic interpolation may leave [0, 1]); "hu": Hounsfield units. */
  readonly intensity: "uint8" | "unit" | "hu";
  /** Where it came from: folder or file. */
  readonly source: string;
}

/** Target size of preprocessing in voxels. */
export interface VolumeSize {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
}
