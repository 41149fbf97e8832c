// Where answers get their caches: a new one each, or one that already holds the beginning of the prompt.

import type { Model } from '../model/model.ts';
import type { Timeline } from './options.ts';

/** Gives caches out and takes them back, with what answers have left in them. */
export interface CacheSource {
  /**
   * A cache for these ids; `ids` of the timeline says what of them it holds. Its taker is its only user, and fills it
   * with these ids.
   */
  take(ids: readonly number[], signal?: AbortSignal): Timeline | Promise<Timeline>;
  /** To be told while the ids are computed. */
  advance?(timeline: Timeline): void;
  /** Takes it back, whatever state its answer ended in. */
  give(timeline: Timeline): void;
}

/** An empty cache for every answer. */
export function freshCaches(model: Model): CacheSource {
  return {
    take: () => ({ cache: model.newCache(), ids: [] }),
    give: ({ cache }) => model.freeCache(cache),
  };
}
