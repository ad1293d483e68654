/** Where measured choices are kept: a file under Deno, memory in a browser. */
export interface TileStore {
  /** All that is there now, by key. */
  read(): Promise<ReadonlyMap<string, string>>;
  set(key: string, text: string): Promise<void>;
}

export function memoryStore(): TileStore {
  const entries = new Map<string, string>();
  return {
    read: () => Promise.resolve(new Map(entries)),
    set: (key, text) => {
      entries.set(key, text);
      return Promise.resolve();
    },
  };
}
