// The door of the package in Node, Deno and Bun. Browsers enter through browser/index.ts and edge workers through
// edge/index.ts; package.json chooses, and the names are the same.

import { checkOptions } from '../base/options.ts';
import type { Checkpoint } from '../format/checkpoint.ts';
import type { OpenSource } from '../format/open.ts';
import type { Model } from '../model/model.ts';
import { type LoadOptions, loadModel as loadOn } from '../run/load.ts';
import { LOAD_RULES, untilAborted } from '../run/load-options.ts';
import { bind, type SmolLM2 } from '../smollm2.ts';
import { besideAdapter } from './adapter.ts';
import { NODE_LOAD_RULES, type NodeLoadOptions } from './load-options.ts';
import { openNode } from './open.ts';
import { nodePlatform } from './platform.ts';

export { type Capabilities, type Capability, capabilities } from '../capabilities.ts';
export * from '../door.ts';
export type { NodeLoadOptions } from './load-options.ts';
/** Opens a checkpoint by name, hub id, path, URL or bytes, for `loadModel` and the tools that read weights. */
export { openNode as openCheckpoint } from './open.ts';

/**
 * Loads the weights of an open checkpoint into an engine, without tokenizer or template; the checkpoint may be closed
 * afterwards.
 *
 * @throws RangeError       when an option is out of range
 * @throws OutOfMemoryError when the weights do not fit, with the plan of the memory
 */
export function loadModel(checkpoint: Checkpoint, options: LoadOptions = {}): Promise<Model> {
  return loadOn(checkpoint, checkOptions('loadModel()', options, LOAD_RULES), nodePlatform);
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
  const checked = checkOptions('load()', options, NODE_LOAD_RULES);
  const { fetch, headers, signal, onDownload, adapter } = checked;
  signal?.throwIfAborted();
  const onProgress = (_file: string, done: number, total?: number) => onDownload?.(done, total);
  const checkpoint = await openNode(source, { fetch, headers, signal, onProgress });
  try {
    const adapted = await besideAdapter(checkpoint, adapter);
    return bind(await loadOn(adapted, untilAborted(checked, signal), nodePlatform), checkpoint);
  } finally {
    await checkpoint.close();
  }
}
