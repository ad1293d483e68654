/**
 * Limits on what a checkpoint may make the reader do. They are far above what networks need (a state_dict of 300 tensors
 * takes 10,000 opcodes and 2,700 objects), and low enough that no file holds more than 32 MB beside its tensors.
 */
export const limits = {
  /** Default of `maxBytes`: file, inflated entries, tensors. */
  bytes: 4 * 2 ** 30,
  /** Bytes of one pickle. */
  pickleBytes: 8 * 2 ** 20,
  opcodes: 500_000,
  /** Lists, tuples, dictionaries, tensors and texts of a pickle. */
  objects: 50_000,
  memo: 50_000,
  /** Values on the stack. */
  stack: 160_000,
  /** Entries of all lists, tuples and dictionaries. */
  items: 160_000,
  /** Bytes of one string or bytes object. */
  stringBytes: 2 ** 20,
  /** Bytes of one integer. */
  integerBytes: 64,
  /** Dictionaries and lists inside one another. */
  depth: 64,
  /** Values that a walk over the result meets, counting shared ones every time. */
  walk: 500_000,
  axes: 32,
  /** Bytes of all tensors that are larger than their storage (expanded axes) together. */
  expandedBytes: 64 * 2 ** 20,
  archiveEntries: 16_384,
  directoryBytes: 4 * 2 ** 20,
  /** Inflated bytes allowed without a question, and then per compressed byte. */
  inflateFree: 2 ** 20,
  inflateRatio: 100,
} as const;
