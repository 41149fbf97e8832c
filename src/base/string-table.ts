// Many short strings as one block of bytes. A vocabulary of 50,000 tokens as JavaScript strings costs an edge
// runtime several megabytes and a second of start-up; as bytes with offsets it is as large as the file says.

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** `count` UTF-8 strings; string i is `bytes[offsets[i] .. offsets[i + 1])`. */
export class StringTable {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** [count + 1], ascending, the last one at most `bytes.length`. */
  readonly offsets: Uint32Array;

  constructor(bytes: Uint8Array, offsets: Uint32Array) {
    this.count = offsets.length - 1;
    this.bytes = bytes;
    this.offsets = offsets;
  }

  /** Bytes of string `i`, a view. */
  bytesAt(i: number): Uint8Array {
    return this.bytes.subarray(this.offsets[i], this.offsets[i + 1]);
  }

  /** String `i`; invalid UTF-8 becomes U+FFFD. */
  get(i: number): string {
    return utf8.decode(this.bytesAt(i));
  }
}
