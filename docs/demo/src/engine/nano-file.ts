// The nano model's file, which is a part of the page (site/small-nano.mjs makes it), read while it still arrives: of a
// first visit's five seconds its bytes take four, and half of one is what a model does with them.

import type { Source } from 'smollm2';

/** Of the file, unpacked. */
const SIZE = 786_208;
const NAME = 'nano.gguf.gzip';

let file: Source | undefined;

/** The whole file, when it has come. */
export function nanoBytes(): Promise<Uint8Array> {
  return nanoFile().read(0, SIZE);
}

export function nanoFile(): Source {
  file ??= arriving();
  return file;
}

function arriving(): Source {
  const bytes = new Uint8Array(SIZE);
  let numHere = 0;
  let piece: Promise<void>;
  const take = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
    const { done, value } = await reader.read();
    if (done) {
      if (numHere === SIZE) return;
      throw new Error(`${NAME}: expected ${SIZE} bytes, got ${numHere}; reload the page`);
    }
    bytes.set(value, numHere);
    numHere += value.length;
    piece = awaited(take(reader));
  };
  // The next visitor of the file asks for it anew.
  const awaited = (coming: Promise<void>) => {
    coming.catch(() => {
      file = undefined;
    });
    return coming;
  };
  piece = awaited(unpacked().then(take));
  return {
    name: NAME,
    size: SIZE,
    read: async (offset, length) => {
      if (offset + length > SIZE)
        throw new RangeError(`${NAME}: expected at most ${SIZE} bytes, got ${length}`);
      while (numHere < offset + length) await piece;
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Unpacked as it arrives; no host knows the ending, so none has unpacked it before. */
async function unpacked(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  // A worker's script lies one folder below the page.
  const root = 'document' in globalThis ? document.baseURI : new URL('..', location.href);
  const response = await fetch(new URL(NAME, root));
  if (!response.ok) throw new Error(`${NAME}: expected status 200, got ${response.status}; reload the page`);
  const packed = response.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  return packed.pipeThrough(new DecompressionStream('gzip')).getReader();
}
