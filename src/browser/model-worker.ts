// The worker that holds a page's model: it downloads and loads the weights, runs the forward passes, and starts
// further workers where there is shared memory. The other side is remote-model.ts.

import { EngineError } from '../base/errors.ts';
import { digest } from '../base/sha256.ts';
import type { Model } from '../model/model.ts';
import type { KvCache } from '../ops.ts';
import { errorToMessage } from './error-message.ts';
import { loadHere } from './load-here.ts';
import type { Call, CallMessage, RemoteEntry, Reply, ReplyMessage, WatchedPoint } from './model-messages.ts';
import { takesPort } from './page-members.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<CallMessage | MessagePort>) => void;
  postMessage(message: ReplyMessage, transfer?: Transferable[]): void;
};

const NOTHING: Reply = { rows: [], lengths: [] };
const caches = new Map<number, KvCache>();
const running = new Map<number, AbortController>();
let model: Model | undefined;

scope.onmessage = async ({ data }) => {
  if (takesPort(data)) return;
  const { id, call } = data;
  if (call.name === 'abort') {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const reply = await answer(id, call, controller.signal);
    const values = [...reply.rows.flat(), ...(reply.points ?? []).map((point) => point.values)];
    const buffers = new Set(values.map(({ buffer }) => buffer as ArrayBuffer));
    scope.postMessage({ id, kind: 'reply', reply }, [...buffers]);
  } catch (error) {
    scope.postMessage({ id, kind: 'error', error: errorToMessage(error) });
  } finally {
    running.delete(id);
  }
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
      const { config, engineName, arithmetic, logitErrorBound, numThreads, maxSeqLen } = model;
      const facts = { config, engineName, arithmetic, logitErrorBound, numThreads, maxSeqLen };
      return { ...NOTHING, loaded: { ...facts, file: here.file } };
    }
    case 'run': {
      const entries = call.entries.map((entry) => ({ ...entry, cache: cacheOf(entry) }));
      const rows = await loaded().run(entries, { signal, onProgress: report('prompt') });
      return { rows, lengths: entries.map(({ cache }) => cache.length) };
    }
    case 'trace':
      return trace(call, signal);
    case 'hashWeights':
      return { ...NOTHING, bytes: await loaded().hashWeights(digest) };
    case 'cacheLengths':
      return { ...NOTHING, lengths: call.keys.map((key) => caches.get(key)?.length ?? 0) };
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

async function trace(call: Extract<Call, { name: 'trace' }>, signal: AbortSignal): Promise<Reply> {
  const running = loaded();
  const { ids, rows = 1 } = call.entry;
  const cache = cacheOf(call.entry);
  const points: WatchedPoint[] = [];
  const logits = await running.forward(ids, cache, {
    logits: rows === 0 ? 'none' : rows === ids.length ? 'all' : 'last',
    signal,
    points: call.points === 'all' ? undefined : call.points,
    trace: (name, value, shape) => points.push({ name, values: running.read(value), shape }),
  });
  return { rows: [[logits]], lengths: [cache.length], points };
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
