// Loading in the calling thread of a browser: the file comes from the cache or is downloaded into it, or is read
// straight from its address where there is no storage; then its weights go into an engine.

import type { Checkpoint } from '../format/checkpoint.ts';
import { readGguf } from '../format/gguf.ts';
import { isManifest, openManifest } from '../format/open.ts';
import { blobSource, urlSource } from '../format/source.ts';
import type { Model } from '../model/model.ts';
import { type LoadOptions, loadModel } from '../run/load.ts';
import { untilAborted } from '../run/load-options.ts';
import type { RemoteSource } from './model-messages.ts';
import { webPlatform } from './platform.ts';
import { cachedWeights } from './weights-cache.ts';

export interface BrowserLoadOptions extends LoadOptions {
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
  if (source instanceof Blob)
    return { file: source, checkpoint: await readGguf(blobSource(nameOf(source), source)) };
  if (isManifest(source)) {
    return { file: source, checkpoint: await readGguf(await openManifest(source, options)) };
  }
  const { cache = true, headers, signal, onDownload: onProgress } = options;
  const sha256 = options.sha256?.toLowerCase();
  const stored = cache ? await cachedWeights(source, { sha256, headers, signal, onProgress }) : undefined;
  if (stored) return { file: stored, checkpoint: await readGguf(blobSource(source, stored)) };
  return { file: source, checkpoint: await readGguf(await urlSource(source, { headers })) };
}

/** Opens a source and loads it in this thread, which should not be a page's. */
export async function loadHere(
  source: RemoteSource,
  options: BrowserLoadOptions,
): Promise<{ model: Model; checkpoint: Checkpoint; file: RemoteSource }> {
  const { file, checkpoint } = await openRemote(source, options);
  const loading = untilAborted(options, options.signal);
  return { model: await loadModel(checkpoint, loading, webPlatform), checkpoint, file };
}

function nameOf(blob: Blob): string {
  return blob instanceof File ? blob.name : 'blob';
}
