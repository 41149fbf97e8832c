// What the rest of the program knows of a running model: caches and forward passes over ids, whatever the engine.

import type { ModelConfig } from '../config.ts';
import type { KvCache } from '../ops.ts';
import type { Trace } from './trace.ts';

export interface ForwardOptions {
  /** Logits of the last row (default), of every row, or none. */
  readonly logits?: 'last' | 'all' | 'none';
  /** Watches every module; values may be read or replaced through `Model.read` and `Model.write` inside the call. */
  readonly trace?: Trace;
  /** Names of the points that `trace` wants; every point when absent. */
  readonly points?: readonly string[];
  /** Stops between chunks of the prompt; the cache then holds the chunks that were done. */
  readonly signal?: AbortSignal;
  /** Called after each chunk of the prompt. */
  readonly onProgress?: (rowsDone: number, rowsTotal: number) => void;
}

/** One sequence's share of a batched pass. */
export interface BatchEntry {
  readonly ids: readonly number[];
  readonly cache: KvCache;
}

/** A hash of bytes. */
export type Digest = (bytes: Uint8Array) => Promise<Uint8Array>;

export interface Model {
  readonly config: ModelConfig;
  readonly engineName: 'reference' | 'wasm';
  /** What besides the weights decides the bits: one line that differs where kernels or precision do. */
  readonly arithmetic: string;
  /** One hash of all weights as they lie in memory; the file is not read again. See run/fingerprint.ts. */
  hashWeights(digest: Digest): Promise<Uint8Array>;
  /** An empty cache for up to `maxSeqLen` positions (the model's own limit by default). */
  newCache(maxSeqLen?: number): KvCache;
  /** Gives a cache's memory back; using it afterwards is an error. */
  freeCache(cache: KvCache): void;
  /** Keys and values of a cache's positions, for `restoreCache` of a model that computes the same bits. */
  saveCache(cache: KvCache): Promise<Uint8Array>;
  /**
   * Fills a cache with `length` saved positions. Nothing is checked but the number of bytes: run/snapshot.ts does.
   *
   * @throws RangeError when the bytes are not those of `length` positions
   */
  restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void>;
  /**
   * Runs `ids` at positions cache.length, cache.length + 1, … and moves cache.length past them.
   *
   * @returns logits [rows, vocabSize] of the rows asked for; a copy that the caller owns
   * @throws RangeError            for an id outside the vocabulary or no ids
   * @throws ContextOverflowError  when the cache has no room for the ids
   */
  forward(
    ids: readonly number[],
    cache: KvCache,
    options?: ForwardOptions,
  ): Promise<Float64Array | Float32Array>;
  /** One pass over the next ids of several sequences: the logits of each entry's last id, in order. */
  forwardBatch(entries: readonly BatchEntry[]): Promise<(Float64Array | Float32Array)[]>;
  /** Values of a trace point, inside a `trace` callback. */
  read(value: Parameters<Trace>[1]): Float64Array | Float32Array;
  /** Replaces the values of a trace point, inside a `trace` callback. */
  write(value: Parameters<Trace>[1], values: ArrayLike<number>): void;
  close(): Promise<void>;
}
