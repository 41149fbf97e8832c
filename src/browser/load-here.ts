// Loading in the calling thread of a browser: the file comes from the cache or is downloaded into it, or is read
// straight from its address where there is no storage; then its weights go into an engine.

import { UnavailableError } from '../base/errors.ts';
import { shardOf } from '../base/shard-names.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { readGgufHeader } from '../format/gguf-header.ts';
import type { OpenBeside } from '../format/gguf-shards.ts';
import { isManifest, openManifest } from '../format/open.ts';
import { type Manifest, readManifest } from '../format/parts.ts';
import { blobSource, urlSource } from '../format/source.ts';
import type { Model } from '../model/model.ts';
import { type LoadOptions, loadModel } from '../run/load.ts';
import { untilAborted } from '../run/load-options.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import type { RemoteSource } from './model-messages.ts';
import { webPlatform } from './platform.ts';
import { cachedWeights } from './weights-cache.ts';

export interface BrowserLoadOptions extends LoadOptions {
  /** Starts the model's worker, where a bundler cannot: `() => new Worker(address, { type: 'module' })`. */
  readonly worker?: () => Worker;
  /** Keep the file in the browser's storage (default). */
  readonly cache?: boolean;
  /** In hex; a download that differs is thrown away. */
  readonly sha256?: string;
  /** Sent with every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** Called as the file arrives; not at all when it was in the cache. */
  readonly onDownload?: (bytesDone: number, bytesTotal: number | undefined) => void;
}

/** A file or address, ready to be read from. */
export async function openRemote(
  source: RemoteSource,
  options: BrowserLoadOptions,
): Promise<{ file: RemoteSource; checkpoint: Checkpoint }> {
  if (source instanceof Blob) {
    return { file: source, checkpoint: await readGguf(blobSource(nameOf(source), source)) };
  }
  const { cache = true } = options;
  const beside = besideUrl(source, options);
  const stored = cache ? await (isManifest(source) ? storedParts : storedFile)(source, options) : undefined;
  const file = isShards(source) ? source : stored;
  if (stored && file) return { file, checkpoint: await readGguf(blobSource(source, stored), beside) };
  const { headers } = options;
  const remote = isManifest(source) ? openManifest(source, options) : urlSource(source, { headers });
  return { file: source, checkpoint: await readGguf(await remote, beside) };
}

/** A whole model file in the browser's storage; one whose header cannot be read is not kept. */
function storedFile(url: string, options: BrowserLoadOptions): Promise<Blob | undefined> {
  const { headers, signal, onDownload: onProgress } = options;
  return cachedWeights(url, {
    sha256: options.sha256?.toLowerCase(),
    headers,
    signal,
    onProgress,
    check: (file) =>
      shardOf(new URL(url).pathname)
        ? readGgufHeader(blobSource(url, file))
        : readGguf(blobSource(url, file)),
  });
}

/** Whether a source is the address of a model in GGUF shards. */
export function isShards(source: RemoteSource): source is string {
  return typeof source === 'string' && shardOf(source.replace(/[?#].*$/, '')) !== undefined;
}

/** Opens the other shards of a model at a URL: kept as the first is, or read where they are. */
function besideUrl(url: string, options: BrowserLoadOptions): OpenBeside {
  return async (fileName) => {
    const address = new URL(fileName, url).href;
    const stored =
      options.cache === false ? undefined : await storedFile(address, { ...options, sha256: undefined });
    return stored ? blobSource(address, stored) : urlSource(address, { headers: options.headers });
  };
}

/** The parts of a manifest, each kept in the browser's storage under its own address, joined without copying. */
async function storedParts(url: string, options: BrowserLoadOptions): Promise<Blob | undefined> {
  const { headers, signal, onDownload } = options;
  const manifest = await keptManifest(url, options);
  const total = manifest.parts.reduce((sum, { size }) => sum + size, 0);
  const parts: Blob[] = [];
  let done = 0;
  for (const part of manifest.parts) {
    const before = done;
    const blob = await cachedWeights(new URL(part.name, url).href, {
      sha256: part.sha256,
      headers,
      signal,
      onProgress: (bytes) => onDownload?.(before + bytes, total),
    });
    if (!blob) return undefined;
    parts.push(blob);
    done += part.size;
  }
  return new Blob(parts);
}

/** The manifest as the server has it now; offline, as it was kept. */
async function keptManifest(url: string, { headers, signal }: BrowserLoadOptions): Promise<Manifest> {
  const store = await globalThis.caches?.open('smollm2-manifests').catch(() => undefined);
  const response = await fetch(url, { headers, signal }).catch((cause) => {
    signal?.throwIfAborted();
    return cause as Error;
  });
  const isHere = response instanceof Response && response.ok;
  if (isHere) await store?.put(url, response.clone()).catch(() => undefined);
  const kept = isHere ? response : await store?.match(url);
  if (!kept) {
    const got = response instanceof Response ? `status ${response.status}` : response.message;
    throw new UnavailableError(`${url}: expected a manifest, got ${got}`);
  }
  return readManifest(await kept.text(), url);
}

/** Opens a source and loads it in this thread, which should not be a page's. */
export async function loadHere(
  source: RemoteSource,
  options: BrowserLoadOptions,
  platform: WasmPlatform = webPlatform,
): Promise<{ model: Model; checkpoint: Checkpoint; file: RemoteSource }> {
  const { file, checkpoint } = await openRemote(source, options);
  const loading = untilAborted(options, options.signal);
  return { model: await loadModel(checkpoint, loading, platform), checkpoint, file };
}

function nameOf(blob: Blob): string {
  return blob instanceof File ? blob.name : 'blob';
}
