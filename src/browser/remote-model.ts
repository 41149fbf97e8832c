// A Model that runs in a worker while a page holds it: calls go over as messages, so the page's thread
// never computes or waits. The other side is model-worker.ts.

import { EngineError, UnsupportedError } from '../base/errors.ts';
import type { ModelConfig } from '../config.ts';
import {
  checkCacheLength,
  type ForwardOptions,
  joined,
  type Model,
  type PassEntry,
  type PassOptions,
  rowsWanted,
} from '../model/model.ts';
import type { Trace } from '../model/trace.ts';
import type { KvCache, Values, Vector } from '../ops.ts';
import { errorFromMessage } from './error-message.ts';
import { endWorker, holdWorker } from './held-worker.ts';
import type {
  CallMessage,
  LoadedMessage,
  RemoteEntry,
  Reply,
  ReplyMessage,
  WatchedPoint,
} from './model-messages.ts';
import { startMembersFor } from './page-members.ts';

/** The page's end of a cache that lives in the worker. */
interface RemoteCache extends KvCache {
  readonly key: number;
}

interface PendingCall {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (done: number, total: number, phase: 'download' | 'load' | 'prompt') => void;
}

/** The address of a script beside the door, as far as it is known: a bundler may have put another file there. */
function besideDoor(name: string): string {
  const door = import.meta.url;
  return /^https?:/.test(door) ? new URL(name, door).href : name;
}

/** Why a worker did not start, as far as a page is told, and what helps. */
export function workerTrouble(got: string, address = besideDoor('model-worker.js')): string {
  return (
    `worker ${address}: expected a script that starts, got ${got}; likely causes: a bundler that did not emit it ` +
    "(Vite before 8: optimizeDeps.exclude ['smollm2']; esbuild, parcel, an import map: copy the folder dist/bundle " +
    'and give load() a worker of your own), another origin, a policy (CSP worker-src), or no network; ' +
    'docs/guides/browser.md, Workers'
  );
}

/** Numbered calls to a worker and their replies. */
export class WorkerCalls {
  private readonly worker: Worker;
  private readonly pending = new Map<number, PendingCall>();
  private nextId = 0;
  private failure: Error | undefined;
  private hasAnswered = false;
  private readonly endTeam: (() => void) | undefined;

  /** @param startMember starts a worker of the model's team; by default the model's worker does */
  constructor(worker: Worker, startMember?: () => Worker) {
    this.worker = holdWorker(worker);
    this.endTeam = startMember && startMembersFor(worker, startMember);
    worker.onmessage = ({ data: message }: MessageEvent<ReplyMessage>) => this.receive(message);
    worker.onerror = (event) =>
      this.fail(
        new EngineError(
          this.hasAnswered
            ? `worker: stopped with ${event.message || 'an error'}`
            : workerTrouble(event.message || 'an error', event.filename || undefined),
        ),
      );
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
    endWorker(this.worker);
    this.endTeam?.();
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private receive(message: ReplyMessage): void {
    this.hasAnswered = true;
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
  readonly engineName: string;
  readonly arithmetic: string;
  readonly logitErrorBound: number;
  /** Threads that compute behind the worker. */
  readonly numThreads: number;
  readonly maxSeqLen: number;
  private readonly calls: WorkerCalls;
  private readonly caches = new Set<KvCache>();
  private nextCacheKey = 0;
  /** Values of the points of the forward pass that is being shown to a trace. */
  private watched = new Map<Vector, WatchedPoint['values']>();

  constructor(calls: WorkerCalls, loaded: LoadedMessage) {
    this.calls = calls;
    this.config = loaded.config;
    this.engineName = loaded.engineName;
    this.arithmetic = loaded.arithmetic;
    this.logitErrorBound = loaded.logitErrorBound;
    this.numThreads = loaded.numThreads;
    this.maxSeqLen = loaded.maxSeqLen;
  }

  newCache(maxSeqLen = this.maxSeqLen): KvCache {
    checkCacheLength(maxSeqLen, this.maxSeqLen);
    const cache: RemoteCache = { key: this.nextCacheKey++, length: 0, maxSeqLen };
    this.caches.add(cache);
    return cache;
  }

  freeCache(cache: KvCache): void {
    if (!this.caches.delete(cache)) return;
    this.calls.send({ name: 'freeCache', key: (cache as RemoteCache).key }).catch(() => undefined);
  }

  /** As in Model, with the worker's sha256. */
  async hashWeights(): Promise<Uint8Array> {
    const { bytes } = await this.calls.send({ name: 'hashWeights' });
    return bytes ?? new Uint8Array(0);
  }

  async saveCache(cache: KvCache): Promise<Uint8Array> {
    const { bytes } = await this.calls.send({ name: 'saveCache', key: this.open(cache).key });
    return bytes ?? new Uint8Array(0);
  }

  async restoreCache(cache: KvCache, length: number, bytes: Uint8Array): Promise<void> {
    const { key, maxSeqLen } = this.open(cache);
    await this.calls.send({ name: 'restoreCache', key, maxSeqLen, length, bytes });
    cache.length = length;
  }

  async run(entries: readonly PassEntry[], options: PassOptions = {}): Promise<Values[][]> {
    const sent = entries.map((entry) => this.sent(entry));
    const reply = await this.settled(entries, this.calls.send({ name: 'run', entries: sent }, options));
    return reply.rows;
  }

  /** As in Model; a trace sees copies after the pass and cannot replace them. Name the points it wants. */
  async forward(ids: readonly number[], cache: KvCache, options: ForwardOptions = {}): Promise<Values> {
    const { logits, trace, points = 'all' } = options;
    const entry = { ids, cache, rows: rowsWanted(logits, ids.length) };
    if (!trace) return joined((await this.run([entry], options))[0]);
    const call = { name: 'trace', entry: this.sent(entry), points } as const;
    const reply = await this.settled([entry], this.calls.send(call, options));
    this.show(trace, reply.points ?? []);
    return joined(reply.rows[0]);
  }

  read(value: Parameters<Trace>[1]): Values {
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

  private open(cache: KvCache): RemoteCache {
    if (this.caches.has(cache)) return cache as RemoteCache;
    throw new RangeError('cache: expected one in use, got one that was freed; make a new one');
  }

  private sent({ cache, usedRows: _, ...rest }: PassEntry): RemoteEntry {
    const { key, length, maxSeqLen } = this.open(cache);
    return { ...rest, key, length, maxSeqLen };
  }

  /** A pass's reply; the caches are as long as the worker's are, whether it went well or not. */
  private async settled(entries: readonly PassEntry[], reply: Promise<Reply>): Promise<Reply> {
    const keep = (lengths: readonly number[] = []) => {
      for (const [index, { cache }] of entries.entries()) cache.length = lengths[index] ?? 0;
    };
    try {
      const done = await reply;
      keep(done.lengths);
      return done;
    } catch (error) {
      const keys = entries.map(({ cache }) => (cache as RemoteCache).key);
      keep((await this.calls.send({ name: 'cacheLengths', keys }).catch(() => undefined))?.lengths);
      throw error;
    }
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
