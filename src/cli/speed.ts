// How fast a loaded model is: `smollm2 bench` and bench/ both measure through these two functions.

import { argmax } from '../base/argmax.ts';
import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';

/**
 * Milliseconds of one pass over `ids` that leaves the logits of the last one.
 *
 * @param cache positions up to cache.length are the context; it is left as it was
 */
export async function timePrefill(model: Model, cache: KvCache, ids: readonly number[]): Promise<number> {
  const context = cache.length;
  const start = performance.now();
  await model.forward(ids, cache);
  const ms = performance.now() - start;
  cache.length = context;
  return ms;
}

/**
 * Milliseconds of `count` tokens one by one, each the likeliest after those before it, beginning with the one that
 * follows `firstId`. End-of-text tokens do not end it.
 *
 * @param cache positions up to cache.length are the context; it is left as it was
 */
export async function timeDecode(
  model: Model,
  cache: KvCache,
  firstId: number,
  count: number,
): Promise<{ ms: number; ids: number[] }> {
  const context = cache.length;
  const ids: number[] = [];
  let id = firstId;
  const start = performance.now();
  for (let n = 0; n < count; n++) {
    id = argmax(await model.forward([id], cache));
    ids.push(id);
  }
  const ms = performance.now() - start;
  cache.length = context;
  return { ms, ids };
}

/** Ids that differ from each other and from run to run of nothing: the speed of a pass does not depend on them. */
export function someIds(count: number, vocabSize: number): number[] {
  // A step without a common factor with the vocabulary visits every id before it repeats one.
  return Array.from({ length: count }, (_, i) => (i * 7919 + 11) % vocabSize);
}
