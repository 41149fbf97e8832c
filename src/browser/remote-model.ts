// A Model that runs in a worker while a page holds it: calls go over as messages, in order, so the page's thread
// never computes or waits. The other side is model-worker.ts.

import { EngineError, UnsupportedError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import type { BatchEntry, ForwardOptions, Model } from '../model/model.ts';
import type { Trace } from '../model/trace.ts';
import type { KvCache, Vector } from '../ops.ts';
import { errorFromMessage } from './error-message.ts';
import type { CallMessage, LoadedMessage, Reply, ReplyMessage, WatchedPoint } from './model-messages.ts';

/** The page's end of a cache that lives in the worker. */
interface RemoteCache extends KvCache {
  readonly key: number;
}

interface PendingCall {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (done: number, total: number, phase: 'download' | 'load' | 'prompt') => void;
}

/**
 * Workers in use. Firefox may collect one that nothing but its own pending replies refers to, with the replies: a
 * load() then never ends (seen in 2 of 5 runs).
 */
const inUse = new Set<WorkerCalls>();

/** Numbered calls to a worker and their replies. */
export class WorkerCalls {
  private readonly worker: Worker;
  private readonly pending = new Map<number, PendingCall>();
  private nextId = 0;
  private failure: Error | undefined;

  constructor(worker: Worker) {
    this.worker = worker;
    inUse.add(this);
    worker.onmessage = ({ data: message }: MessageEvent<ReplyMessage>) => this.receive(message);
    worker.onerror = (event) =>
      this.fail(new EngineError(`worker: stopped with ${event.message ?? 'an error'}`));
    worker.onmessageerror = () => this.fail(new EngineError('worker: sent something that cannot be read'));
  }

  /** Sends a call; the signal reaches the worker as a message of its own. */
  send(
    call: CallMessage['call'],
    options: { signal?: AbortSignal; onProgress?: PendingCall['onProgress'] } = {},
  ): Promise<Reply> {
    if (this.failure) return Promise.reject(this.failure);
    const { signal, onProgress } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = this.nextId++;
    const abort = () => this.worker.postMessage({ id, call: { name: 'abort' } } satisfies CallMessage);
    signal?.addEventListener('abort', abort);
    return new Promise<Reply>((resolve, reject) => {
      this.pending.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, call } satisfies CallMessage);
    })
      .catch((error) => {
        throw signal?.aborted ? signal.reason : error;
      })
      .finally(() => signal?.removeEventListener('abort', abort));
  }

  /** Rejects everything that waits, and every later call, and ends the worker. */
  fail(error: Error): void {
    this.failure ??= error;
    this.worker.terminate();
    inUse.delete(this);
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private receive(message: ReplyMessage): void {
    const call = this.pending.get(message.id);
    if (!call) return;
    if (message.kind === 'progress') {
      call.onProgress?.(message.done, message.total, message.phase);
      return;
    }
    this.pending.delete(message.id);
    if (message.kind === 'error') call.reject(errorFromMessage(message.error));
    else call.resolve(message.reply);
  }
}

export class RemoteModel implements Model {
  readonly config: ModelConfig;
  readonly engineName: 'reference' | 'wasm';
  readonly arithmetic: string;
  /** Threads that compute behind the worker. */
  readonly numThreads: number;
  private readonly calls: WorkerCalls;
  private readonly maxSeqLen: number;
  private nextCacheKey = 0;
  /** Values of the points of the forward pass that is being shown to a trace. */
  private watched = new Map<Vector, WatchedPoint['values']>();

  constructor(calls: WorkerCalls, loaded: LoadedMessage) {
    this.calls = calls;
    this.config = loaded.config;
    this.engineName = loaded.engineName;
    this.arithmetic = loaded.arithmetic;
    this.numThreads = loaded.numThreads;
    this.maxSeqLen = loaded.maxSeqLen;
  }

  newCache(maxSeqLen = this.maxSeqLen): KvCache {
    if (!(Number.isInteger(maxSeqLen) && maxSeqLen >= 1 && maxSeqLen <= this.maxSeqLen)) {
      throw new RangeError(
        `maxSeqLen: expected 1 to ${this.maxSeqLen} positions, got ${maxSeqLen}; raise maxSeqLen at load`,
      );
    }
    const cache: RemoteCache = { key: this.nextCacheKey++, length: 0, maxSeqLen };
    return cache;
  }

  freeCache(cache: KvCache): void {
    this.calls.send({ name: 'freeCache', key: (cache as RemoteCache).key }).catch(() => undefined);
  }

  /** As in Model, with the worker's sha256. */
  async hashWeights(): Promise<Uint8Array> {
    const { bytes } = await this.calls.send({ name: 'hashWeights' });
    return bytes ?? new Uint8Array(0);
  }

  async saveCache(cache: KvCache): Promise<Uint8Array> {
    const { bytes } = await this.calls.send({ name: 'saveCache', key: (cache as RemoteCache).key });
    return bytes ?? new Uint8Array(0);
  }

  async restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void> {
    const { key, maxSeqLen } = cache as RemoteCache;
    await this.calls.send({ name: 'restoreCache', key, maxSeqLen, length, bytes });
    cache.length = length;
  }

  /** As in Model; a trace sees copies after the pass and cannot replace them. Name the points it wants. */
  async forward(
    ids: readonly number[],
    cache: KvCache,
    options: ForwardOptions = {},
  ): Promise<Float64Array | Float32Array> {
    const { logits = 'last', trace, points, signal, onProgress } = options;
    const { key, length, maxSeqLen } = cache as RemoteCache;
    const watch = trace ? (points ?? 'all') : undefined;
    try {
      const reply = await this.calls.send(
        { name: 'forward', ids, key, length, maxSeqLen, logits, watch },
        { signal, onProgress },
      );
      cache.length = reply.lengths[0];
      if (trace) this.show(trace, reply.points ?? []);
      return reply.logits[0];
    } catch (error) {
      cache.length = await this.lengthOf(cache as RemoteCache);
      throw error;
    }
  }

  async forwardBatch(entries: readonly BatchEntry[]): Promise<(Float64Array | Float32Array)[]> {
    const sent = entries.map(({ ids, cache }) => {
      const { key, length, maxSeqLen } = cache as RemoteCache;
      return { ids, key, length, maxSeqLen };
    });
    const reply = await this.calls.send({ name: 'forwardBatch', entries: sent });
    for (const [index, { cache }] of entries.entries()) cache.length = reply.lengths[index];
    return [...reply.logits];
  }

  read(value: Parameters<Trace>[1]): Float64Array | Float32Array {
    const values = this.watched.get(value);
    if (!values) throw new RangeError('read: expected a value of the trace that is being shown');
    return values;
  }

  write(): never {
    throw new UnsupportedError(
      'write: a model that runs in a worker shows its trace after the pass; call load() in a worker of your own ' +
        'to replace values',
    );
  }

  async close(): Promise<void> {
    await this.calls.send({ name: 'close' }).catch(() => undefined);
    this.calls.fail(new EngineError('model: expected one that is open, got one that was closed'));
  }

  /** Positions that the worker's cache holds, after a pass that failed or was stopped. */
  private async lengthOf(cache: RemoteCache): Promise<number> {
    const reply = await this.calls.send({ name: 'cacheLength', key: cache.key }).catch(() => undefined);
    return reply?.lengths[0] ?? 0;
  }

  private show(trace: Trace, points: readonly WatchedPoint[]): void {
    for (const { name, values, shape } of points) {
      const value: Vector = { length: values.length };
      this.watched.set(value, values);
      trace(name, value, shape);
    }
    this.watched = new Map();
  }
}
