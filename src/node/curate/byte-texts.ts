// Texts as an ablation holds them: one run of bytes with the end of each document, in memory that threads
// share.

import { Rng } from '../../base/rng.ts';
import { seedFor } from '../../base/seed.ts';

export interface ByteTexts {
  readonly name: string;
  /** UTF-8, one document behind the other. */
  readonly bytes: Uint8Array;
  /** [numDocuments] */
  readonly ends: Uint32Array;
}

/** The id behind every document; the ids below it are bytes. */
export const DOCUMENT_END = 256;

export function byteTexts(name: string, texts: readonly string[]): ByteTexts {
  const encoded = texts.filter((text) => text.length > 0).map((text) => new TextEncoder().encode(text));
  const ends = new Uint32Array(new SharedArrayBuffer(4 * encoded.length));
  const length = encoded.reduce((sum, part, i) => {
    ends[i] = sum + part.length;
    return sum + part.length;
  }, 0);
  const bytes = new Uint8Array(new SharedArrayBuffer(length));
  encoded.forEach((part, i) => {
    bytes.set(part, ends[i] - part.length);
  });
  return { name, bytes, ends };
}

/**
 * `count` ids out of documents in an order of the seed's, from the beginning again where they are too few.
 *
 * @param seed undefined keeps the order of the texts
 */
export function drawnBytes({ bytes, ends }: ByteTexts, count: number, seed: number | undefined): Uint16Array {
  const order = Uint32Array.from(ends.keys());
  if (seed !== undefined) {
    const rng = Rng.fromSeed(seedFor(seed, 'documents'));
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(rng.next() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
  }
  const ids = new Uint16Array(count);
  for (let at = 0, i = 0; at < count; i = (i + 1) % order.length) {
    const doc = order[i];
    const part = bytes.subarray(doc === 0 ? 0 : ends[doc - 1], ends[doc]).subarray(0, count - at);
    ids.set(part, at);
    at += part.length;
    if (at < count) ids[at++] = DOCUMENT_END;
  }
  return ids;
}
