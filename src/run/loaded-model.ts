// A model that runs: an engine, which holds weights and caches, and a runner, which computes chunks. Passes that are
// asked for at the same time share chunks (calls.ts). Next step of the walk: runner.ts, or src/wasm/team.ts.

import { EngineError, OutOfMemoryError } from '../base/errors.ts';
import { eventLoopTurn } from '../base/turn.ts';
import type { ModelConfig } from '../config.ts';
import {
  type ComputedPass,
  checkCacheLength,
  type Digest,
  type ForwardOptions,
  joined,
  type Model,
  type PassEntry,
  type PassOptions,
  rowsWanted,
} from '../model/model.ts';
import { makeNetwork, type Network } from '../model/pass.ts';
import { FORWARD, HEAD } from '../model/transformer.ts';
import type { Weights } from '../model/weights.ts';
import { type Chunk, type Engine, type KvCache, LOGITS, type Values, type Vector } from '../ops.ts';
import {
  advance,
  type Call,
  checkIds,
  checkRoom,
  chunkOf,
  isAnswer,
  isDone,
  nextParts,
  type Part,
  placed,
  progressOf,
  withinReach,
} from './calls.ts';
import { hashWeights } from './fingerprint.ts';
import { LatePoint } from './late-points.ts';
import { RowBudget } from './row-budget.ts';
import { here, type Runner } from './runner.ts';

export class LoadedModel implements Model {
  readonly config: ModelConfig;
  readonly engineName: string;
  readonly arithmetic: string;
  readonly logitErrorBound: number;
  readonly numThreads: number;
  readonly maxSeqLen: number;
  private readonly engine: Engine;
  private readonly network: Network;
  private readonly runner: Runner;
  /** Passes that wait, in the order in which they came. */
  private readonly calls: Call[] = [];
  /** Work that takes the place of a chunk: traced passes. */
  private readonly alone: (() => Promise<void>)[] = [];
  private isWorking = false;
  private isClosed = false;
  /** Caches in use; one that is freed while a chunk writes to it goes when the chunk is done. */
  private readonly caches = new Set<KvCache>();
  private written: ReadonlySet<KvCache> = new Set();
  private readonly leaving: KvCache[] = [];
  private readonly budget = new RowBudget();
  /** Caches of the answers in the last chunk that had any. */
  private answering: readonly KvCache[] = [];
  /** Those who may give memory back when it is short. */
  private readonly relievers: (() => boolean)[] = [];
  private readonly listeners: ((pass: ComputedPass) => void)[] = [];

  constructor(engine: Engine, network: Network, runner: Runner) {
    this.config = network.config;
    this.engineName = engine.name;
    this.arithmetic = engine.arithmetic;
    this.logitErrorBound = engine.logitErrorBound;
    this.numThreads = runner.numThreads;
    this.maxSeqLen = network.rope.maxSeqLen;
    this.engine = engine;
    this.network = network;
    this.runner = runner;
  }

  run(entries: readonly PassEntry[], options: PassOptions = {}): Promise<Values[][]> {
    return new Promise((resolve, reject) => {
      this.check(entries);
      this.calls.push({ entries: entries.map(progressOf), options, resolve, reject });
      this.work();
    });
  }

  async forward(ids: readonly number[], cache: KvCache, options: ForwardOptions = {}): Promise<Values> {
    const rows = rowsWanted(options.logits, ids.length);
    if (options.trace) return this.traced({ ids, cache, rows }, options);
    const [found] = await this.run([{ ids, cache, rows }], options);
    return joined(found);
  }

  hashWeights(digest: Digest): Promise<Uint8Array> {
    return hashWeights(this.engine, this.network.weights, digest);
  }

  newCache(maxSeqLen = this.maxSeqLen): KvCache {
    checkCacheLength(maxSeqLen, this.maxSeqLen);
    const cache = this.engine.kvCache(this.config, maxSeqLen);
    this.caches.add(cache);
    return cache;
  }

  forkCache(cache: KvCache, length: number, maxSeqLen = cache.maxSeqLen): KvCache {
    this.checkCache(cache);
    const most = Math.min(cache.length, maxSeqLen);
    if (!(Number.isInteger(length) && length >= 0 && length <= most)) {
      throw new RangeError(`length: expected 0 to ${most} positions, got ${length}`);
    }
    const fork = this.newCache(maxSeqLen);
    try {
      this.engine.shareCache(cache, fork, length);
    } catch (error) {
      this.freeCache(fork);
      throw error;
    }
    return fork;
  }

  cacheBytes(caches: Iterable<KvCache> = this.caches): number {
    return this.engine.cacheBytes(caches);
  }

  freeCache(cache: KvCache): void {
    if (!this.caches.delete(cache)) return;
    if (this.written.has(cache)) this.leaving.push(cache);
    else this.engine.freeCache(cache);
  }

  onMemoryShort(relieve: () => boolean): void {
    this.relievers.push(relieve);
  }

  onPass(tell: (pass: ComputedPass) => void): void {
    this.listeners.push(tell);
  }

  async saveCache(cache: KvCache): Promise<Uint8Array> {
    this.checkCache(cache);
    return this.engine.exportCache(cache);
  }

  async restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void> {
    this.checkCache(cache);
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

  read(value: Vector): Values {
    if (value instanceof LatePoint) return value.values.slice();
    if (this.engine.readNow) return this.engine.readNow(value);
    throw new RangeError('read: expected a value of the trace that is being shown');
  }

  write(value: Vector, values: ArrayLike<number>): void {
    if (value instanceof LatePoint) value.replace(values);
    else this.engine.write(value, values);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.runner.close();
  }

  /** Computes chunk after chunk until nobody waits. */
  private async work(): Promise<void> {
    if (this.isWorking) return;
    this.isWorking = true;
    await Promise.resolve(); // Passes of the same moment share the first chunk.
    while (this.calls.length + this.alone.length > 0) {
      await this.alone.shift()?.();
      this.dropLost();
      const { maxRows } = this.network.workspace;
      // An answer has ended whose cache is gone, or is given a prompt.
      const prompts = this.calls.filter((call) => !isAnswer(call)).flatMap(({ entries }) => entries);
      const given = new Set(prompts.map(({ entry }) => entry.cache));
      const awaited = this.answering.filter((cache) => this.caches.has(cache) && !given.has(cache)).length;
      const longRows = (answerRows: number) => this.budget.rows(answerRows, maxRows, awaited);
      const { maxRowPositions = Number.POSITIVE_INFINITY } = this.runner;
      const next = withinReach(nextParts(this.calls, maxRows, longRows), maxRowPositions);
      const parts = this.withRoom(next);
      if (parts.length === 0) continue;
      this.written = new Set(parts.map(({ progress }) => progress.entry.cache));
      try {
        await this.compute(parts);
        for (const part of parts) advance(part);
      } catch (error) {
        for (const { call } of parts) this.settle(call, () => call.reject(error));
      }
      this.written = new Set();
      for (const cache of this.leaving.splice(0)) this.engine.freeCache(cache);
      for (const call of this.calls.filter(isDone)) {
        this.settle(call, () => call.resolve(call.entries.map(({ rows }) => rows)));
      }
      // Those who were answered together ask again in a moment, and then together.
      if (parts.length > 1) await eventLoopTurn();
    }
    this.isWorking = false;
  }

  /** Ends calls whose signal was given or whose cache was freed. */
  private dropLost(): void {
    for (const call of [...this.calls]) {
      try {
        call.options.signal?.throwIfAborted();
        for (const { entry } of call.entries) this.checkCache(entry.cache);
      } catch (error) {
        this.settle(call, () => call.reject(error));
      }
    }
  }

  private settle(call: Call, end: () => void): void {
    const at = this.calls.indexOf(call);
    if (at < 0) return;
    this.calls.splice(at, 1);
    end();
  }

  /**
   * The parts whose caches have room for their rows. Where memory is short, unused caches go first; then the newest
   * parts wait for others to end. Only who is alone with too little memory is told.
   */
  private withRoom(parts: readonly Part[]): Part[] {
    const ready: Part[] = [];
    let shortage: unknown;
    for (const part of parts) {
      try {
        this.reserve(part);
        ready.push(part);
      } catch (error) {
        shortage = error;
        if (!(error instanceof OutOfMemoryError)) this.settle(part.call, () => part.call.reject(error));
      }
    }
    const newest = parts[parts.length - 1];
    if (ready.length === 0 && newest) this.settle(newest.call, () => newest.call.reject(shortage));
    return ready.length === parts.length ? ready : placed(ready);
  }

  private reserve({ progress, count }: Part): void {
    const { cache } = progress.entry;
    for (;;) {
      try {
        this.engine.reserve(cache, cache.length + count);
        return;
      } catch (error) {
        const isShortOf = error instanceof OutOfMemoryError;
        if (!isShortOf || !this.relievers.some((relieve) => relieve())) throw error;
      }
    }
  }

  /** One chunk: keys and values land in the caches, wanted rows in the parts' calls. */
  private async compute(parts: readonly Part[]): Promise<void> {
    const { network } = this;
    const begin = performance.now();
    const chunk = chunkOf(parts);
    this.clearHidden(chunk);
    await this.runner.run(FORWARD, chunk);
    const perRun = network.workspace.logits.length / this.config.vocabSize;
    const numLogits = chunk.wanted.filter((what) => what === LOGITS).length;
    await Promise.all(parts.map((part) => this.readHidden(part)));
    for (let logitsDone = 0; logitsDone < numLogits; logitsDone += perRun) {
      if (logitsDone > 0) await this.runner.run(HEAD, { ...chunk, logitsDone });
      await this.readLogits(parts, logitsDone, Math.min(logitsDone + perRun, numLogits));
    }
    const answers = parts.filter(({ call }) => isAnswer(call));
    if (answers.length > 0) this.answering = answers.map(({ progress }) => progress.entry.cache);
    const answerRows = answers.reduce((rows, { count }) => rows + count, 0);
    const promptRows = chunk.ids.length - answerRows;
    const ms = performance.now() - begin;
    this.budget.report(answerRows, promptRows, ms);
    for (const tell of this.listeners) tell({ answerRows, promptRows, ms });
  }

  /** Streams are added to the rows that are wanted, so these begin at zero. */
  private clearHidden({ wanted }: Chunk): void {
    const { hiddenSize } = this.config;
    const { hidden } = this.network.workspace;
    const zeros = new Float32Array(hiddenSize);
    for (const [t, what] of wanted.entries()) {
      if (what < 0) continue;
      this.engine.write(this.engine.view(hidden, t * hiddenSize, (t + 1) * hiddenSize), zeros);
    }
  }

  private async readHidden({ progress, begin, count }: Part): Promise<void> {
    const { done, firstWanted, what, rows } = progress;
    const first = Math.max(firstWanted - done, 0);
    if (what === LOGITS || first >= count) return;
    rows.push(...(await this.rowsOf(this.network.workspace.hidden, begin + first, begin + count)));
  }

  /** Rows [from, to) of all logits of a chunk, which are the first of the buffer. */
  private async readLogits(parts: readonly Part[], from: number, to: number): Promise<void> {
    let row = 0;
    for (const { progress, count } of parts) {
      const { done, firstWanted, what, rows } = progress;
      if (what !== LOGITS) continue;
      const numRows = Math.min(Math.max(done + count - firstWanted, 0), count);
      const [begin, end] = [Math.max(row, from), Math.min(row + numRows, to)];
      row += numRows;
      const used = progress.entry.usedRows?.slice(rows.length);
      if (begin < end)
        rows.push(...(await this.rowsOf(this.network.workspace.logits, begin - from, end - from, used)));
    }
  }

  /** Rows [begin, end) of a buffer of the workspace, in memory that was used as far as there is any. */
  private async rowsOf(
    buffer: Vector,
    begin: number,
    end: number,
    used: readonly Values[] = [],
  ): Promise<Values[]> {
    const { engine, config } = this;
    const size = buffer === this.network.workspace.hidden ? config.hiddenSize : config.vocabSize;
    const view = (from: number, to: number) => engine.view(buffer, from * size, to * size);
    const values = engine.readNow ?? (await engine.read(view(begin, end)));
    // Megabytes a pass of a server would be collected again and again: a tenth of the time of sixteen answers.
    return Array.from({ length: end - begin }, (_, t) =>
      typeof values === 'function'
        ? values.call(engine, view(begin + t, begin + t + 1), used[t])
        : values.subarray(t * size, (t + 1) * size),
    );
  }

  private traced(entry: PassEntry, options: ForwardOptions): Promise<Values> {
    return new Promise((resolve, reject) => {
      this.check([entry]);
      this.alone.push(async () => {
        try {
          this.checkCache(entry.cache);
          const { tracedPass } = await import('./traced-pass.ts');
          resolve(joined(await tracedPass(this.engine, this.network, entry, options)));
        } catch (error) {
          reject(error);
        }
      });
      this.work();
    });
  }

  private check(entries: readonly PassEntry[]): void {
    if (this.isClosed)
      throw new EngineError('engine: expected a model that is open, got one that was closed');
    const { vocabSize, numLayers } = this.config;
    for (const { ids, cache, rows = 1, layer = 0 } of entries) {
      checkIds(ids, vocabSize);
      this.checkCache(cache);
      checkRoom(ids.length, cache);
      if (!(Number.isInteger(rows) && rows >= 0 && rows <= ids.length)) {
        throw new RangeError(`rows: expected 0 to ${ids.length}, got ${rows}`);
      }
      if (!(Number.isInteger(layer) && layer >= 0 && layer <= numLayers)) {
        throw new RangeError(`layer: expected 0 to ${numLayers}, got ${layer}`);
      }
    }
    if (new Set(entries.map(({ cache }) => cache)).size < entries.length) {
      throw new RangeError('run: expected a cache of its own for every entry, got one twice');
    }
  }

  private checkCache(cache: KvCache): void {
    if (this.caches.has(cache)) return;
    throw new RangeError('cache: expected one in use, got one that was freed; make a new one');
  }
}

/** A model that computes in the calling thread. */
export function modelHere(
  engine: Engine,
  config: ModelConfig,
  weights: Weights,
  maxSeqLen?: number,
  maxRows?: number,
): LoadedModel {
  const network = makeNetwork(engine, config, weights, maxSeqLen, maxRows);
  return new LoadedModel(engine, network, here(engine, network));
}
