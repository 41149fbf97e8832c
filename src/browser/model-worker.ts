// The worker that holds a page's model: it downloads and loads the weights, runs the forward passes, and starts
// further workers where there is shared memory. The other side is remote-model.ts.

import { EngineError } from '../base/errors.ts';
import { digest } from '../base/sha256.ts';
import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';
import { errorToMessage } from './error-message.ts';
import { loadHere } from './load-here.ts';
import type { Call, CallMessage, RemoteEntry, Reply, ReplyMessage, WatchedPoint } from './model-messages.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<CallMessage>) => void;
  postMessage(message: ReplyMessage, transfer?: Transferable[]): void;
};

const NOTHING: Reply = { logits: [], lengths: [] };
const caches = new Map<number, KvCache>();
const running = new Map<number, AbortController>();
let model: Model | undefined;
let last: Promise<unknown> = Promise.resolve();

scope.onmessage = ({ data: { id, call } }) => {
  if (call.name === 'abort') {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  last = last.then(async () => {
    try {
      const reply = await answer(id, call, controller.signal);
      const buffers = [...reply.logits, ...(reply.points ?? []).map((point) => point.values)];
      scope.postMessage(
        { id, kind: 'reply', reply },
        buffers.map((values) => values.buffer as ArrayBuffer),
      );
    } catch (error) {
      scope.postMessage({ id, kind: 'error', error: errorToMessage(error) });
    } finally {
      running.delete(id);
    }
  });
};

async function answer(id: number, call: Call, signal: AbortSignal): Promise<Reply> {
  const report = (phase: 'download' | 'load' | 'prompt') => (done: number, total?: number) =>
    scope.postMessage({ id, kind: 'progress', phase, done, total: total ?? 0 });
  switch (call.name) {
    case 'load': {
      const here = await loadHere(call.source, {
        ...call.options,
        signal,
        onDownload: report('download'),
        onProgress: report('load'),
      });
      model = here.model;
      const { config, engineName, arithmetic } = model;
      const { maxSeqLen = config.maxSeqLen } = call.options;
      const numThreads = 'numThreads' in model ? Number(model.numThreads) : 1;
      return {
        ...NOTHING,
        loaded: { config, engineName, arithmetic, numThreads, maxSeqLen, file: here.file },
      };
    }
    case 'forward':
      return forward(call, signal, report('prompt'));
    case 'forwardBatch': {
      const entries = call.entries.map((entry) => ({ ids: entry.ids, cache: cacheOf(entry) }));
      const logits = await loaded().forwardBatch(entries);
      return { logits, lengths: entries.map(({ cache }) => cache.length) };
    }
    case 'hashWeights':
      return { ...NOTHING, bytes: await loaded().hashWeights(digest) };
    case 'cacheLength':
      return { ...NOTHING, lengths: [caches.get(call.key)?.length ?? 0] };
    case 'saveCache': {
      const cache = caches.get(call.key);
      return { ...NOTHING, bytes: cache ? await loaded().saveCache(cache) : new Uint8Array(0) };
    }
    case 'restoreCache': {
      const { key, maxSeqLen } = call;
      const cache = cacheOf({ ids: [], key, length: 0, maxSeqLen });
      await loaded().restoreCache(cache, call.length, call.bytes);
      return NOTHING;
    }
    case 'freeCache': {
      const cache = caches.get(call.key);
      if (cache) loaded().freeCache(cache);
      caches.delete(call.key);
      return NOTHING;
    }
    default:
      await model?.close();
      return NOTHING;
  }
}

async function forward(
  call: Extract<Call, { name: 'forward' }>,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Reply> {
  const running = loaded();
  const cache = cacheOf(call);
  const points: WatchedPoint[] = [];
  const watch = {
    points: call.watch === 'all' ? undefined : call.watch,
    trace: (name: string, value: Parameters<Model['read']>[0], shape: readonly number[]) =>
      points.push({ name, values: running.read(value).slice(), shape }),
  };
  const logits = await running.forward(call.ids, cache, {
    logits: call.logits,
    signal,
    onProgress,
    ...(call.watch && watch),
  });
  return { logits: [logits], lengths: [cache.length], points };
}

function loaded(): Model {
  if (model) return model;
  throw new EngineError('worker: expected a loaded model, got a call before load');
}

/** The worker's cache of an entry, cut to the positions that the page still counts. */
function cacheOf(entry: RemoteEntry): KvCache {
  const cache = caches.get(entry.key) ?? loaded().newCache(entry.maxSeqLen);
  caches.set(entry.key, cache);
  if (entry.length > cache.length) {
    throw new EngineError(`cache: expected ${entry.length} positions, got ${cache.length}; start a new one`);
  }
  cache.length = entry.length;
  return cache;
}
