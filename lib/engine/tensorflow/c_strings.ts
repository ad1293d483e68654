/** Text into and out of C. */

const cStrings = new Map<string, Deno.PointerValue>();
const keptAlive: Uint8Array[] = [];

/** A NUL-terminated copy of a short name; kept for the life of the process, since TensorFlow may keep the pointer. */
export function cString(text: string): Deno.PointerValue {
  let pointer = cStrings.get(text);
  if (pointer === undefined) {
    const encoded = new TextEncoder().encode(text + "\0");
    // A small typed array may live inside the JavaScript heap and move; a buffer of its own does not.
    const bytes = new Uint8Array(new ArrayBuffer(encoded.length));
    bytes.set(encoded);
    keptAlive.push(bytes);
    cStrings.set(text, pointer = Deno.UnsafePointer.of(bytes));
  }
  return pointer;
}

export function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}
