import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';

/** A cache for one piece of work; it grows as it is filled. */
export async function withCache<T>(model: Model, use: (cache: KvCache) => Promise<T>): Promise<T> {
  const cache = model.newCache();
  try {
    return await use(cache);
  } finally {
    model.freeCache(cache);
  }
}
