// Memory for the pieces of a file that is fetched piece by piece (parts.ts). Where memory is small nothing may wait to
// be collected: bodies are read into the buffers of pieces that were dropped.

/** What a fetch may give: bytes, or an answer whose body is still to be read (a Response, an object of R2). */
export type Fetched = Uint8Array | ArrayBuffer | Answer;

interface Answer {
  readonly body: ReadableStream<Uint8Array> | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Fetched bytes. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Whose memory may be used again or freed: nobody else has it. */
  readonly isOurs: boolean;
}

/** Bytes as they come, in memory of their own. */
export async function readWhole(fetched: Fetched): Promise<Piece> {
  if (fetched instanceof Uint8Array) return { bytes: fetched, isOurs: false };
  const buffer = fetched instanceof ArrayBuffer ? fetched : await fetched.arrayBuffer();
  return { bytes: new Uint8Array(buffer), isOurs: true };
}

/** One buffer that is handed out again and again: what it held before is lost. */
export function reusedBuffer(): (length: number) => Uint8Array {
  let buffer = new Uint8Array(0);
  return (length) => {
    if (buffer.length < length) buffer = new Uint8Array(length);
    return buffer.subarray(0, length);
  };
}

/** Buffers for pieces, used again once they are released. */
export class PiecePool {
  private readonly bufferBytes: number;
  private readonly buffers: ArrayBuffer[] = [];
  private isClosed = false;

  /** @param bufferBytes size of the largest piece */
  constructor(bufferBytes: number) {
    this.bufferBytes = bufferBytes;
  }

  /** The bytes of one piece; a body that goes on beyond `size` is cut after one byte more, so that it shows. */
  async read(fetched: Fetched, size: number): Promise<Piece> {
    const reader = fetched instanceof ArrayBuffer || 'byteLength' in fetched ? undefined : readerOf(fetched);
    if (!reader) return readWhole(fetched);
    let buffer = this.buffers.pop() ?? new ArrayBuffer(this.bufferBytes + 1);
    const end = size + 1;
    let at = 0;
    for (let isDone = false; !isDone && at < end; ) {
      const { value, done } = await reader.read(new Uint8Array(buffer, at, end - at));
      isDone = done || !value;
      at += value?.byteLength ?? 0;
      if (value) buffer = value.buffer;
    }
    if (at === end) await reader.cancel();
    return { bytes: new Uint8Array(buffer, 0, at), isOurs: true };
  }

  /** Takes a piece's memory: for the next piece, or for nobody, where the language can free it (ES2024). */
  release({ bytes, isOurs }: Piece): void {
    const buffer = bytes.buffer as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer };
    if (!isOurs) return;
    if (this.isClosed || buffer.byteLength !== this.bufferBytes + 1) buffer.transfer?.(0);
    else this.buffers.push(buffer);
  }

  close(): void {
    this.isClosed = true;
    for (const buffer of this.buffers.splice(0))
      this.release({ bytes: new Uint8Array(buffer), isOurs: true });
  }
}

/** A reader into memory of ours, where this body can be read so. */
function readerOf({ body }: Answer): ReadableStreamBYOBReader | undefined {
  try {
    return body?.getReader({ mode: 'byob' });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined; // not a stream of bytes, or a runtime without such readers
  }
}
