/** Where measured choices are kept: a file under Deno, memory in a browser. */
export interface TileStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, text: string): Promise<void>;
}

export function memoryStore(): TileStore {
  const entries = new Map<string, string>();
  return {
    get: (key) => Promise.resolve(entries.get(key)),
    set: (key, text) => {
      entries.set(key, text);
      return Promise.resolve();
    },
  };
}
