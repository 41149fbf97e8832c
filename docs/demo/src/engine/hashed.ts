// The bits of logits as sha256.

import type { SmolLM2 } from 'smollm2';
import { likeliest } from './pictures.ts';
import type { BitsPicture } from './protocol.ts';

/** sha256 of each row of logits, and the likeliest token after it. */
export async function hashed(smol: SmolLM2, ids: readonly number[], flipped: boolean): Promise<BitsPicture> {
  const { model } = smol;
  const { vocabSize } = model.config;
  const cache = model.newCache(ids.length);
  const logits = await model.forward(ids, cache, { logits: 'all' }).finally(() => model.freeCache(cache));
  const hashes: string[] = [];
  const texts: string[] = [];
  for (let t = 0; t < ids.length; t++) {
    const row = logits.slice(t * vocabSize, (t + 1) * vocabSize);
    const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(row.buffer as ArrayBuffer));
    hashes.push(Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(''));
    texts.push(likeliest(smol, row, 1)[0].text);
  }
  return { ids, texts, hashes, flipped };
}
