import { shown } from '../base/shown.ts';
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

/** @throws TypeError  for anything but a list of texts: one text alone would be taken letter by letter */
export function checkTexts(name: string, texts: readonly string[]): void {
  if (Array.isArray(texts) && texts.every((text) => typeof text === 'string')) return;
  throw new TypeError(`${name}: expected an array of texts, got ${shown(texts)}`);
}
