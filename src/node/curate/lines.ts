// Lines of a stream of bytes, split at line feeds only: U+2028 may stand inside a JSON string. A line of any length
// costs time in proportion to it, and one beyond the limit costs no memory.

/** Lines beyond this are not kept: room for the longest text, escaped, and its metadata. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;

export interface Line {
  /** Undefined for a line beyond the limit. */
  readonly bytes: Uint8Array | undefined;
  readonly numBytes: number;
}

export const LINE_FEED = 0x0a;

export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let numBytes = 0;
  const add = (part: Uint8Array) => {
    numBytes += part.length;
    if (numBytes <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const take = (): Line => {
    const bytes =
      numBytes > MAX_LINE_BYTES ? undefined : parts.length === 1 ? parts[0] : Buffer.concat(parts);
    const line = { bytes, numBytes };
    parts = [];
    numBytes = 0;
    return line;
  };
  for await (const piece of pieces) {
    let begin = 0;
    for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, begin)) {
      add(piece.subarray(begin, end));
      yield take();
      begin = end + 1;
    }
    if (begin < piece.length) add(piece.subarray(begin));
  }
  if (numBytes > 0) yield take();
}

const strict = new TextDecoder('utf-8', { fatal: true });
const lenient = new TextDecoder('utf-8');

/** The text, and whether bytes that are no UTF-8 had to give way to U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): { readonly text: string; readonly isRepaired: boolean } {
  try {
    return { text: strict.decode(bytes), isRepaired: false };
  } catch {
    return { text: lenient.decode(bytes), isRepaired: true };
  }
}
