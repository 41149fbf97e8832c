// Keys and values that are used again: caches of answers that have ended, kept while there is room, and the prompts
// that are being computed. A prompt that begins like one of them starts from a fork of its cache, which shares whole
// pages and copies the last. What is shared is found by comparing ids, never hashes: a wrong hit would show one
// user's conversation to another. A cache belongs to one model, weights and adapters included.

import { OutOfMemoryError, UnsupportedError } from '../base/errors.ts';
import { checkOptions, count, type Rules } from '../base/options.ts';
import type { CacheSource } from '../generate/cache-source.ts';
import type { Timeline } from '../generate/options.ts';
import type { Model } from '../model/model.ts';

export interface PrefixCacheOptions {
  /** Bytes of keys and values to keep; 256 MiB by default. A page of 128 positions has 5.6 MiB at 135M in f32. */
  readonly maxBytes?: number;
}

const RULES: Rules<PrefixCacheOptions> = { maxBytes: count(0) };
const DEFAULT_BYTES = 2 ** 28;
/** Most caches that are kept: comparing ids with all of them stays far below a millisecond. */
const MAX_KEPT = 256;
/** Shorter beginnings are computed sooner than looked for. */
const FEWEST_IDS = 4;
/** So many ids must be saved before an answer waits for another one's prompt. */
const WORTH_WAITING = 16;

/** A prompt that somebody is computing. */
interface Active {
  readonly ids: readonly number[];
  readonly waiting: { readonly length: number; readonly wake: () => void }[];
}

/** What is kept, and what it has saved so far. */
export interface PrefixCacheUsage {
  readonly bytes: number;
  readonly caches: number;
  /** Ids that were asked for, and those of them that were not computed again. */
  readonly askedIds: number;
  readonly cachedIds: number;
}

/** Gives every prompt a cache that already holds what is known of its beginning, and keeps caches that come back. */
export class PrefixCache implements CacheSource {
  private readonly model: Model;
  private readonly maxBytes: number;
  /** The one used longest ago first. */
  private readonly kept: Timeline[] = [];
  private readonly active = new Map<Timeline, Active>();
  private askedIds = 0;
  private cachedIds = 0;
  private isClosed = false;

  /** @throws UnsupportedError for a model whose caches cannot share pages: one behind a page's worker */
  constructor(model: Model, options: PrefixCacheOptions = {}) {
    const { maxBytes = DEFAULT_BYTES } = checkOptions('prefix cache', options, RULES);
    if (!model.forkCache || !model.cacheBytes) {
      throw new UnsupportedError(`prefix cache: expected a model in this thread, got ${model.engineName}`);
    }
    this.model = model;
    this.maxBytes = maxBytes;
    model.onMemoryShort?.(() => this.dropOldest());
  }

  get usage(): PrefixCacheUsage {
    const { askedIds, cachedIds, kept } = this;
    return { bytes: this.bytes, caches: kept.length, askedIds, cachedIds };
  }

  /**
   * A cache that holds as much of `ids` as is known, but for the last, whose logits are wanted. Waits for a prompt at
   * work that begins alike, until the signal comes: what it computes is not computed twice.
   * So who takes two caches for one beginning fills the first before it awaits the second.
   */
  async take(ids: readonly number[], signal?: AbortSignal): Promise<Timeline> {
    for (let next = this.worthWaiting(ids); next; next = this.worthWaiting(ids)) {
      await untilFilled(next.active, next.length, signal);
      if (signal?.aborted) break;
    }
    const { source, length } = this.longest(ids);
    const timeline = source ? this.fork(source, ids, length) : this.fresh();
    this.active.set(timeline, { ids: [...ids], waiting: [] });
    this.askedIds += ids.length;
    this.cachedIds += timeline.ids.length;
    return timeline;
  }

  /** To be told while a prompt is computed: those who wait for its beginning go on. */
  advance(timeline: Timeline): void {
    const waiting = this.active.get(timeline)?.waiting;
    for (const one of [...(waiting ?? [])]) if (one.length <= timeline.cache.length) one.wake();
  }

  /** Takes a cache back, or one from elsewhere: a restored snapshot. It belongs to the prefix cache from then on. */
  give(timeline: Timeline): void {
    const active = this.active.get(timeline);
    this.active.delete(timeline);
    for (const { wake } of [...(active?.waiting ?? [])]) wake();
    const ids = timeline.ids.slice(0, timeline.cache.length);
    const isKnown = this.kept.some((other) => commonIds(other.ids, ids) === ids.length);
    if (this.isClosed || isKnown || ids.length < FEWEST_IDS) {
      this.model.freeCache(timeline.cache);
      return;
    }
    for (const other of [...this.kept]) if (commonIds(other.ids, ids) === other.ids.length) this.drop(other);
    this.kept.push({ cache: timeline.cache, ids });
    while (this.kept.length > MAX_KEPT || (this.kept.length > 0 && this.bytes > this.maxBytes))
      this.dropOldest();
  }

  /** Gives back what nobody uses; caches that come back later are freed. */
  close(): void {
    this.isClosed = true;
    while (this.dropOldest());
  }

  private get bytes(): number {
    return this.model.cacheBytes?.(this.kept.map(({ cache }) => cache)) ?? 0;
  }

  /** The cache that has most of `ids`: a kept one, or a prompt at work as far as it is computed. */
  private longest(ids: readonly number[]): { source?: Timeline; length: number } {
    let best: { source?: Timeline; length: number } = { length: FEWEST_IDS - 1 };
    for (const source of this.kept) {
      const length = commonIds(source.ids, ids, ids.length - 1);
      if (length > best.length) best = { source, length };
    }
    for (const [source, active] of this.active) {
      const length = commonIds(active.ids, ids, Math.min(source.cache.length, ids.length - 1));
      if (length > best.length) best = { source, length };
    }
    return best;
  }

  /** A prompt at work that will soon have more of `ids` than anything that is there. */
  private worthWaiting(ids: readonly number[]): { active: Active; length: number } | undefined {
    const { length: have } = this.longest(ids);
    for (const [{ cache }, active] of this.active) {
      const length = commonIds(active.ids, ids, ids.length - 1);
      if (length >= have + WORTH_WAITING && length > cache.length) return { active, length };
    }
    return undefined;
  }

  private fork(source: Timeline, ids: readonly number[], length: number): Timeline {
    const at = this.kept.indexOf(source);
    if (at >= 0) this.kept.push(...this.kept.splice(at, 1));
    try {
      const cache = this.model.forkCache?.(source.cache, length, this.model.maxSeqLen);
      if (cache) return { cache, ids: ids.slice(0, length) };
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      this.dropOldest();
    }
    return this.fresh();
  }

  private fresh(): Timeline {
    return { cache: this.model.newCache(), ids: [] };
  }

  private dropOldest(): boolean {
    if (this.kept.length > 0) this.drop(this.kept[0]);
    else return false;
    return true;
  }

  private drop(timeline: Timeline): void {
    this.kept.splice(this.kept.indexOf(timeline), 1);
    this.model.freeCache(timeline.cache);
  }
}

/** Resolves when a prompt at work has `length` positions or was given up, or the signal comes. */
function untilFilled({ waiting }: Active, length: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      const at = waiting.indexOf(one);
      if (at >= 0) waiting.splice(at, 1);
      resolve();
    };
    const one = { length, wake };
    waiting.push(one);
    signal?.addEventListener('abort', wake);
    if (signal?.aborted) wake();
  });
}

/** Ids that both begin with, `limit` at most. */
function commonIds(a: readonly number[], b: readonly number[], limit = Number.POSITIVE_INFINITY): number {
  const longest = Math.min(a.length, b.length, limit);
  let common = 0;
  while (common < longest && a[common] === b[common]) common++;
  return common;
}
