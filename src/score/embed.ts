// A text as a vector: the mean of its last hidden states, piece by piece, so that the longest text takes the
// memory of one piece.

import { steadyRun } from '../generate/generate.ts';
import type { Model } from '../model/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { checkTexts, withCache } from './with-cache.ts';

/** Ids of one pass; their hidden states are kept at once: 512 rows of 576 values are 1.2 MB. */
const PIECE_IDS = 512;

/**
 * The mean over all positions of the last hidden state (HF `last_hidden_state`, after the final norm), scaled to
 * length 1: [hiddenSize] for each text. Dot products of two such vectors are cosines.
 *
 * @throws RangeError for an empty text
 */
export async function embed(
  model: Model,
  tokenizer: Pick<Tokenizer, 'encode'>,
  texts: readonly string[],
): Promise<Float32Array[]> {
  checkTexts('texts', texts);
  const vectors: Float32Array[] = [];
  for (const [index, text] of texts.entries()) {
    const ids = tokenizer.encode(text);
    if (ids.length === 0) throw new RangeError(`texts[${index}]: expected a text, got none`);
    vectors.push(await embedIds(model, ids));
  }
  return vectors;
}

/** The vector of one text, given as ids. */
export async function embedIds(
  model: Model,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  const sum = await hiddenSum(model, ids, signal);
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
  return Float32Array.from(sum, (value) => (length === 0 ? 0 : value / length));
}

/** Σ of the last hidden states, row after row, in float64. */
function hiddenSum(model: Model, ids: readonly number[], signal?: AbortSignal): Promise<Float64Array> {
  return withCache(model, async (cache) => {
    const sum = new Float64Array(model.config.hiddenSize);
    for (let begin = 0; begin < ids.length; begin += PIECE_IDS) {
      const piece = ids.slice(begin, begin + PIECE_IDS);
      const entry = { ids: piece, cache, rows: piece.length, output: 'hidden' as const };
      const [rows] = await steadyRun(model, [entry], { signal });
      for (const row of rows) for (let i = 0; i < sum.length; i++) sum[i] += row[i];
    }
    return sum;
  });
}
