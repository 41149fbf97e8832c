// The door of the package in Node, Deno and Bun. Browsers enter through runtime/browser.ts and edge workers through
// runtime/edge.ts; package.json chooses, and the names are the same.

import { type LoadOptions, loadModel } from './load.ts';
import type { OpenOptions, OpenSource } from './runtime/open.ts';
import { openNode } from './runtime/open-node.ts';
import { nodePlatform } from './runtime/platform-node.ts';
import { bind, type SmolLM2 } from './runtime/smollm2.ts';

export { type Capabilities, type Capability, capabilities } from './runtime/capabilities.ts';
export * from './runtime/door.ts';
/** Opens a checkpoint by name, hub id, path, URL or bytes, for `loadModel` and the tools that read weights. */
export { openNode as openCheckpoint } from './runtime/open-node.ts';

export interface NodeLoadOptions extends LoadOptions, OpenOptions {
  /** Stops the search and the download of weights. */
  readonly signal?: AbortSignal;
  /** Called as a file arrives; not at all when it was on the machine. */
  readonly onDownload?: (bytesDone: number, bytesTotal: number | undefined) => void;
}

/**
 * Loads a model with its tokenizer and chat template.
 *
 * @param source a name (`135m`, `360m`, `1.7b`), hub id, path of a `.gguf` file or HF folder, URL, Blob or bytes
 *
 * @example
 * const smol = await load('135m');
 * for await (const token of smol.chat('What is gravity?')) process.stdout.write(token.text);
 * await smol.close();
 */
export async function load(source: string | OpenSource, options: NodeLoadOptions = {}): Promise<SmolLM2> {
  const { fetch, headers, signal, onDownload } = options;
  const onProgress = (_file: string, done: number, total?: number) => onDownload?.(done, total);
  const checkpoint = await openNode(source, { fetch, headers, signal, onProgress });
  try {
    return bind(await loadModel(checkpoint, options, nodePlatform), checkpoint);
  } finally {
    await checkpoint.close();
  }
}
