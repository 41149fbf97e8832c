// A Model whose engine runs in the calling thread: the reference, and WASM where there is no shared memory.

import { ContextOverflowError, EngineError } from '../base/errors.ts';
import { eventLoopTurn } from '../base/turn.ts';
import type { ModelConfig } from '../config.ts';
import type { BatchEntry, Digest, ForwardOptions, Model } from '../model/model.ts';
import type { Network } from '../model/pass.ts';
import type { Trace } from '../model/trace.ts';
import { forward, type LogitsSink } from '../model/transformer.ts';
import { eachWeight, type Weights } from '../model/weights.ts';
import { makeWorkspace } from '../model/workspace.ts';
import type { Engine, KvCache, Sequence, Vector } from '../ops.ts';

/** Tokens per pass of a long prompt; more would not be faster, and the workspace grows with it. */
export const PREFILL_ROWS = 128;

/** Weights are hashed in pieces of this many bytes, so that no large copy is made. */
const HASHED_BYTES = 2 ** 20;

/** Longest time that the event loop is kept waiting by passes shorter than that, in milliseconds. */
const TURN_MS = 16;

/** Runs the network on one engine, one pass at a time. */
export class LocalModel implements Model {
  readonly config: ModelConfig;
  readonly engineName: 'reference' | 'wasm';
  readonly arithmetic: string;
  private readonly engine: Engine;
  private lastTurn = 0;
  protected readonly network: Network;

  constructor(
    engine: Engine,
    config: ModelConfig,
    weights: Weights,
    maxSeqLen = config.maxSeqLen,
    maxRows = PREFILL_ROWS,
  ) {
    const workspace = makeWorkspace(config, Math.min(maxRows, maxSeqLen), (length) => engine.vector(length));
    this.config = config;
    this.engine = engine;
    this.engineName = engine.name;
    this.arithmetic = engine.arithmetic;
    this.network = { config, weights, rope: engine.ropeTable(config, maxSeqLen), workspace };
  }

  async hashWeights(digest: Digest): Promise<Uint8Array> {
    const hashes: Uint8Array[] = [];
    const copy = new Uint8Array(HASHED_BYTES);
    for (const weight of eachWeight(this.network.weights)) {
      for (const [run, { length }] of this.engine.weightBytes(weight).entries()) {
        for (let at = 0; at < length; at += HASHED_BYTES) {
          // Asked for anew, since memory may have moved meanwhile, and copied, since shared memory cannot be hashed.
          const piece = this.engine.weightBytes(weight)[run].subarray(at, at + HASHED_BYTES);
          copy.set(piece);
          hashes.push(await digest(copy.subarray(0, piece.length)));
        }
      }
    }
    const all = new Uint8Array(hashes.length * (hashes[0]?.length ?? 0));
    for (const [n, hash] of hashes.entries()) all.set(hash, n * hash.length);
    return digest(all);
  }

  newCache(maxSeqLen = this.network.rope.maxSeqLen): KvCache {
    if (!(maxSeqLen >= 1 && maxSeqLen <= this.network.rope.maxSeqLen)) {
      const limit = this.network.rope.maxSeqLen;
      throw new RangeError(
        `maxSeqLen: expected 1 to ${limit} positions, got ${maxSeqLen}; raise maxSeqLen at load`,
      );
    }
    return this.engine.kvCache(this.config, maxSeqLen);
  }

  freeCache(cache: KvCache): void {
    this.engine.freeCache(cache);
  }

  async saveCache(cache: KvCache): Promise<Uint8Array> {
    return this.engine.exportCache(cache);
  }

  async restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void> {
    if (!(Number.isInteger(length) && length >= 1 && length <= cache.maxSeqLen)) {
      throw new RangeError(`length: expected 1 to ${cache.maxSeqLen} positions, got ${length}`);
    }
    this.engine.reserve(cache, length);
    cache.length = length;
    const expected = this.engine.exportCache(cache).length;
    cache.length = 0;
    if (bytes.length !== expected) {
      throw new RangeError(`bytes: expected ${expected} for ${length} positions, got ${bytes.length}`);
    }
    this.engine.importCache(cache, length, bytes);
  }

  async forward(
    ids: readonly number[],
    cache: KvCache,
    options: ForwardOptions = {},
  ): Promise<Float64Array | Float32Array> {
    const { logits = 'last', trace, points, signal, onProgress } = options;
    checkIds(ids, this.config.vocabSize);
    checkRoom(ids.length, cache);
    if (trace) return this.tracedForward(ids, cache, logits, points ? only(points, trace) : trace);
    const wanted = logitRows(logits, ids.length);
    const numLogits = (wanted[1] - wanted[0]) * this.config.vocabSize;
    let out: Float64Array | Float32Array | undefined;
    const { maxRows } = this.network.workspace;
    for (let begin = 0; begin < ids.length; begin += maxRows) {
      signal?.throwIfAborted();
      const chunk = ids.slice(begin, begin + maxRows);
      const sequences = [{ begin: 0, count: chunk.length, startPos: cache.length, cache }];
      const rowsHere = [Math.max(wanted[0] - begin, 0), Math.max(wanted[1] - begin, 0)] as const;
      const slice = [Math.min(rowsHere[0], chunk.length), Math.min(rowsHere[1], chunk.length)] as const;
      this.engine.reserve(cache, cache.length + chunk.length);
      await this.pass(chunk, sequences, slice, (values, row) => {
        const rows = this.engine.read(values);
        // Often one slice is everything: then it is given away, and nothing is copied twice.
        if (rows.length === numLogits) out = rows;
        else {
          out ??= this.logitsBuffer(wanted[1] - wanted[0]);
          out.set(rows, (begin + row - wanted[0]) * this.config.vocabSize);
        }
      });
      cache.length += chunk.length;
      onProgress?.(begin + chunk.length, ids.length);
    }
    return out ?? this.logitsBuffer(0);
  }

  async forwardBatch(entries: readonly BatchEntry[]): Promise<(Float64Array | Float32Array)[]> {
    const ids = entries.flatMap((entry) => entry.ids);
    const { maxRows } = this.network.workspace;
    if (ids.length > maxRows)
      throw new RangeError(`batch: expected at most ${maxRows} ids in all, got ${ids.length}`);
    if (new Set(entries.map((entry) => entry.cache)).size < entries.length) {
      throw new RangeError('batch: expected a cache of its own for every entry, got one twice');
    }
    let begin = 0;
    const sequences = entries.map((entry) => {
      checkIds(entry.ids, this.config.vocabSize);
      checkRoom(entry.ids.length, entry.cache);
      const sequence = { begin, count: entry.ids.length, startPos: entry.cache.length, cache: entry.cache };
      begin += entry.ids.length;
      return sequence;
    });
    for (const { cache, startPos, count } of sequences) this.engine.reserve(cache, startPos + count);
    const all: (Float64Array | Float32Array)[] = [];
    await this.pass(ids, sequences, [0, ids.length], (values, firstRow) => {
      const rows = this.engine.read(values);
      for (const [index, { begin, count }] of sequences.entries()) {
        const at = (begin + count - 1 - firstRow) * this.config.vocabSize;
        if (at >= 0 && at < rows.length) all[index] = rows.slice(at, at + this.config.vocabSize);
      }
    });
    for (const { cache, count } of sequences) cache.length += count;
    return all;
  }

  read(value: Vector): Float64Array | Float32Array {
    return this.engine.read(value);
  }

  write(value: Vector, values: ArrayLike<number>): void {
    this.engine.write(value, values);
  }

  async close(): Promise<void> {}

  /** Runs one pass of at most `workspace.maxRows` ids: here, or where a team computes (run/team-model.ts). */
  protected async pass(
    ids: readonly number[],
    sequences: readonly Sequence[],
    logitRows: readonly [number, number],
    sink: LogitsSink,
  ): Promise<void> {
    // The thread is busy for a whole chunk: let a signal fire in between, but not at every token.
    if (performance.now() - this.lastTurn > TURN_MS) {
      await eventLoopTurn();
      this.lastTurn = performance.now();
    }
    try {
      forward(this.engine, this.network, ids, sequences, logitRows, sink);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      throw new EngineError(`engine: a kernel trapped (${error.message}); the next call works`);
    }
  }

  /** All rows in one pass, so that every point is shown whole; the scratch is made for the occasion. */
  private tracedForward(
    ids: readonly number[],
    cache: KvCache,
    logits: 'last' | 'all' | 'none',
    trace: Trace,
  ) {
    const { engine, config, network } = this;
    const numPositions = cache.length + ids.length;
    const mark = engine.mark();
    const workspace = makeWorkspace(config, ids.length, (length) => engine.vector(length));
    const probs = engine.vector(config.numHeads * ids.length * numPositions);
    const wanted = logitRows(logits, ids.length);
    const out = this.logitsBuffer(wanted[1] - wanted[0]);
    const sequences = [{ begin: 0, count: ids.length, startPos: cache.length, cache }];
    engine.reserve(cache, numPositions);
    try {
      forward(
        engine,
        { ...network, workspace },
        ids,
        sequences,
        wanted,
        (values, row) => out.set(engine.read(values), (row - wanted[0]) * config.vocabSize),
        { trace, probs },
      );
    } finally {
      engine.release(mark);
    }
    cache.length = numPositions;
    return out;
  }

  private logitsBuffer(numRows: number): Float64Array | Float32Array {
    const length = numRows * this.config.vocabSize;
    return this.engineName === 'reference' ? new Float64Array(length) : new Float32Array(length);
  }
}

/** A trace that sees the named points and no others. */
function only(points: readonly string[], trace: Trace): Trace {
  return (name, value, shape) => {
    if (points.includes(name)) trace(name, value, shape);
  };
}

/** Rows [first, last) whose logits are wanted. */
export function logitRows(logits: 'last' | 'all' | 'none', numRows: number): readonly [number, number] {
  return logits === 'all' ? [0, numRows] : logits === 'last' ? [numRows - 1, numRows] : [0, 0];
}

export function checkIds(ids: readonly number[], vocabSize: number): void {
  if (ids.length === 0) throw new RangeError('ids: expected at least one token id, got none');
  for (const [index, id] of ids.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
      throw new RangeError(`ids[${index}]: expected a whole number below ${vocabSize}, got ${id}`);
    }
  }
}

export function checkRoom(numIds: number, cache: KvCache): void {
  const room = cache.maxSeqLen - cache.length;
  if (numIds <= room) return;
  throw new ContextOverflowError(
    `prompt: expected at most ${room} ids (${cache.maxSeqLen} positions, ${cache.length} in use), ` +
      `got ${numIds}; shorten it or make the cache longer`,
  );
}
