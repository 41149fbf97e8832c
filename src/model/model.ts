// What the rest of the program knows of a running model: caches and forward passes over ids, whatever the engine.

import type { ModelConfig } from '../config.ts';
import type { KvCache, Values } from '../ops.ts';
import type { Trace } from './trace.ts';

/** Options of a pass over one sequence. */
export interface ForwardOptions extends PassOptions {
  /** Logits of the last row (default), of every row, or none. */
  readonly logits?: 'last' | 'all' | 'none';
  /** Watches every module; values may be read or replaced through `Model.read` and `Model.write` inside the call. */
  readonly trace?: Trace;
  /** Names of the points that `trace` wants; every point when absent. */
  readonly points?: readonly string[];
}

/** One sequence's share of a pass. */
export interface PassEntry {
  /** Ids at positions cache.length, cache.length + 1, …. */
  readonly ids: readonly number[];
  readonly cache: KvCache;
  /** So many of the last ids' rows are wanted; 1 by default, 0 for none. Nothing is computed for the others. */
  readonly rows?: number;
  /** What of them: logits [vocabSize] (default), or the hidden state [hiddenSize]. */
  readonly output?: 'logits' | 'hidden';
  /** Hidden states after this many blocks (0: the embedding); after the final norm when absent. */
  readonly layer?: number;
  /** Rows of logits of an earlier pass that the caller is done with: where there are any, they are written over. */
  readonly usedRows?: readonly Values[];
}

export interface PassOptions {
  /** Stops between chunks; the caches then hold the chunks that were done. */
  readonly signal?: AbortSignal;
  /** Called after each chunk. */
  readonly onProgress?: (rowsDone: number, rowsTotal: number) => void;
}

/** What one pass computed. */
export interface ComputedPass {
  /** Rows of running answers, and of prompts. */
  readonly answerRows: number;
  readonly promptRows: number;
  readonly ms: number;
}

/** A hash of bytes. */
export type Digest = (bytes: Uint8Array) => Promise<Uint8Array>;

export interface Model {
  readonly config: ModelConfig;
  readonly engineName: string;
  /** What besides the weights decides the bits: one line that differs where kernels or precision do. */
  readonly arithmetic: string;
  /** Largest error of a logit against exact arithmetic on the same weights (docs/numerics.md). */
  readonly logitErrorBound: number;
  /** Threads that compute. */
  readonly numThreads: number;
  /** Positions that a cache may hold at most. */
  readonly maxSeqLen: number;
  /** One hash of all weights as they lie in memory; the file is not read again. See run/fingerprint.ts. */
  hashWeights(digest: Digest): Promise<Uint8Array>;
  /** An empty cache for up to `maxSeqLen` positions (the model's limit by default). */
  newCache(maxSeqLen?: number): KvCache;
  /** Gives a cache's memory back; using it afterwards is an error, giving it back again is not. */
  freeCache(cache: KvCache): void;
  /**
   * A new cache that begins with the first `length` positions of another, whose memory both share until one of them
   * writes there. Absent where caches are out of reach (behind a page's worker).
   *
   * @throws RangeError for more positions than are there
   */
  forkCache?(cache: KvCache, length: number, maxSeqLen?: number): KvCache;
  /** Bytes of keys and values of these caches, or of all; what they share counts once. */
  cacheBytes?(caches?: Iterable<KvCache>): number;
  /** Asks to be told of every pass when it has been computed. */
  onPass?(tell: (pass: ComputedPass) => void): void;
  /** Asks to be called when a pass lacks memory: whether some was given back, so that it can be tried again. */
  onMemoryShort?(relieve: () => boolean): void;
  /** Keys and values of a cache's positions, for `restoreCache` of a model that computes the same bits. */
  saveCache(cache: KvCache): Promise<Uint8Array>;
  /**
   * Fills a cache with `length` saved positions. Nothing is checked but the number of bytes: run/snapshot.ts does.
   *
   * @throws RangeError when the bytes are not those of `length` positions
   */
  restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void>;
  /**
   * Runs the next ids of one or more sequences and moves each `cache.length` past them. Passes asked for at the same
   * time are computed together, in chunks of rows, each sequence with the bits that it has alone.
   *
   * @returns for each entry the rows that it wants; copies that the caller owns
   * @throws RangeError            for an id outside the vocabulary, no ids, or a cache that was freed or is given twice
   * @throws ContextOverflowError  when a cache has no room for the ids
   */
  run(entries: readonly PassEntry[], options?: PassOptions): Promise<Values[][]>;
  /**
   * `run` for one sequence, with its rows of logits in one array [rows, vocabSize]; alone it can show and replace what
   * is computed on the way (`trace`).
   */
  forward(ids: readonly number[], cache: KvCache, options?: ForwardOptions): Promise<Values>;
  /** Values of a trace point, inside a `trace` callback. */
  read(value: Parameters<Trace>[1]): Values;
  /** Replaces the values of a trace point, inside a `trace` callback. */
  write(value: Parameters<Trace>[1], values: ArrayLike<number>): void;
  close(): Promise<void>;
}

/** How many of the last rows an option of `forward` asks for. */
export function rowsWanted(logits: 'last' | 'all' | 'none' | undefined, numIds: number): number {
  return logits === 'all' ? numIds : logits === 'none' ? 0 : 1;
}

/** Rows of one size, side by side; a single row as it is. */
export function joined(rows: readonly Values[]): Values {
  if (rows.length === 1) return rows[0];
  const size = rows.length > 0 ? rows[0].length : 0;
  const all =
    rows[0] instanceof Float64Array
      ? new Float64Array(rows.length * size)
      : new Float32Array(rows.length * size);
  for (const [index, row] of rows.entries()) all.set(row, index * size);
  return all;
}

/** @throws RangeError for a cache that is longer than the model allows */
export function checkCacheLength(maxSeqLen: number, limit: number): void {
  if (Number.isInteger(maxSeqLen) && maxSeqLen >= 1 && maxSeqLen <= limit) return;
  throw new RangeError(
    `maxSeqLen: expected 1 to ${limit} positions, got ${maxSeqLen}; raise maxSeqLen at load`,
  );
}
