// What `load()` may be given on every platform, turned into a checkpoint: an open file, bytes, a Blob, a URL, a
// manifest of parts. Paths and model names are Node's (src/node/open.ts) and caches the browser's (src/browser).

import { UnavailableError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readGguf } from './gguf.ts';
import { type Part, partsSource, readManifest } from './parts.ts';
import { blobSource, bytesSource, type Source, urlSource } from './source.ts';

/** A GGUF file in any of these forms, or a checkpoint that is already open. */
export type OpenSource = Checkpoint | Source | Blob | Uint8Array | ArrayBuffer | URL;

export interface OpenOptions {
  /** Replaces the global `fetch`, for every request made. */
  readonly fetch?: typeof fetch;
  /** Sent with every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Free parts of a split file as soon as they are loaded: see PartsOptions. */
  readonly isTransient?: boolean;
}

/** Opens whatever needs no platform. A URL that ends in `.json` is a manifest written by `smollm2 split`. */
export async function openCheckpoint(source: OpenSource, options: OpenOptions = {}): Promise<Checkpoint> {
  const isObject = typeof source === 'object' && source !== null;
  if (isObject && 'tensors' in source) return source;
  if (source instanceof URL) {
    const beside = (fileName: string) => urlSource(new URL(fileName, source).href, options);
    return readGguf(await openUrl(source.href, options), beside);
  }
  if (source instanceof Blob) {
    return readGguf(blobSource(source instanceof File ? source.name : 'blob', source));
  }
  if (source instanceof Uint8Array) return readGguf(bytesSource('buffer', source));
  if (source instanceof ArrayBuffer) return readGguf(bytesSource('buffer', new Uint8Array(source)));
  if (isObject && typeof source.read === 'function') return readGguf(source);
  throw new TypeError(`model: expected a URL, bytes, a Blob or an open file, got ${shown(source)}`);
}

async function openUrl(url: string, options: OpenOptions): Promise<Source> {
  return isManifest(url) ? openManifest(url, options) : urlSource(url, options);
}

/** True for the address of a manifest: its path ends in `.json`. */
export function isManifest(url: string): boolean {
  return /\.json(?=$|[?#])/.test(url);
}

/** The file behind a manifest's URL; the parts lie beside it. */
export async function openManifest(url: string, options: OpenOptions = {}): Promise<Source> {
  const get = async (address: string): Promise<Response> => {
    const response = await (options.fetch ?? fetch)(address, { headers: options.headers }).catch((cause) => {
      throw new UnavailableError(`${address}: expected an answer, got ${(cause as Error).message}`);
    });
    if (response.ok) return response;
    throw new UnavailableError(`${address}: expected status 200, got ${response.status}`);
  };
  const manifest = readManifest(new TextDecoder().decode(await (await get(url)).arrayBuffer()), url);
  const fetchPart = ({ name }: Part) => get(new URL(name, url).href);
  return partsSource(manifest, fetchPart, options);
}
