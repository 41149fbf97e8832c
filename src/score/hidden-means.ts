// A text as the mean of its hidden states in the middle of the model, over two short windows: what a scorer of texts
// looks at (docs/data/score.md). The last block's states are made for the next token and tell less of the whole; the
// beginning of a web page is often its menu, so a second window lies in the middle of the text.

import type { Model } from '../model/model.ts';
import { streamBefore } from '../model/points.ts';
import type { Trace } from '../model/trace.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { withCache } from './with-cache.ts';

export interface HiddenMeanOptions {
  /** Ids of a window; a text of no more is one window. */
  readonly numIds: number;
  readonly signal?: AbortSignal;
}

type Encoder = Pick<Tokenizer, 'encode'>;

/** UTF-16 units of a text that are looked at, as in a scorer on character runs. */
const MAX_UNITS = 50_000;

/** The first ids and those in the middle; they overlap in a text that is shorter than both. */
function windowsOf(tokenizer: Encoder, text: string, numIds: number): number[][] {
  const ids = tokenizer.encode(text.slice(0, MAX_UNITS));
  if (ids.length === 0) return [];
  if (ids.length <= numIds) return [ids];
  const middle = (ids.length - numIds) >> 1;
  return [ids.slice(0, numIds), ids.slice(middle, middle + numIds)];
}

/**
 * The mean, over the positions of a text's windows, of the hidden state after `layer` blocks, [hiddenSize]; zeros for
 * an empty text. Texts that are asked for at the same time are computed together.
 *
 * @throws RangeError for a layer that the model does not have
 */
export async function hiddenMean(
  model: Model,
  tokenizer: Encoder,
  text: string,
  layer: number,
  { numIds, signal }: HiddenMeanOptions,
): Promise<Float64Array> {
  const windows = windowsOf(tokenizer, text, numIds);
  const mean = new Float64Array(model.config.hiddenSize);
  const rowsOf = (ids: readonly number[]) =>
    withCache(model, async (cache) => {
      const entry = { ids, cache, rows: ids.length, output: 'hidden', layer } as const;
      const [rows] = await model.run([entry], { signal });
      return rows;
    });
  const numRows = windows.reduce((sum, ids) => sum + ids.length, 0);
  for (const rows of await Promise.all(windows.map(rowsOf))) {
    for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] += row[i] / numRows;
  }
  return mean;
}

/**
 * The same after each of several numbers of blocks, from one pass a window: what a choice of the layer needs. The pass
 * is watched, so it runs in the calling thread alone.
 *
 * @param layers  numbers of blocks, 1 to numLayers
 */
export async function hiddenMeansOf(
  model: Model,
  tokenizer: Encoder,
  text: string,
  layers: readonly number[],
  { numIds, signal }: HiddenMeanOptions,
): Promise<Float64Array[]> {
  const { hiddenSize, numLayers } = model.config;
  for (const layer of layers) {
    if (!(Number.isInteger(layer) && layer >= 1 && layer <= numLayers))
      throw new RangeError(`layers: expected 1 to ${numLayers} blocks, got ${layer}`);
  }
  const means = layers.map(() => new Float64Array(hiddenSize));
  const points = layers.map(streamBefore);
  const windows = windowsOf(tokenizer, text, numIds);
  const numRows = windows.reduce((sum, ids) => sum + ids.length, 0);
  for (const ids of windows) {
    const trace: Trace = (name, value) => {
      const mean = means[points.indexOf(name)];
      const values = model.read(value);
      for (let k = 0; k < values.length; k++) mean[k % hiddenSize] += values[k] / numRows;
    };
    await withCache(model, (cache) => model.forward(ids, cache, { signal, logits: 'none', points, trace }));
  }
  return means;
}
