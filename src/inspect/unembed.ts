// Any residual vectors through the model's own final norm and head: rows are slipped into a pass over dummy
// tokens at its last points, so that no weight has to be read and every engine can do it.

import type { Model } from '../model/model.ts';
import { streamBefore } from '../model/points.ts';
import { type Hook, runWithHooks } from './hooks.ts';

/** Rows of a dummy pass; longer lists are cut into several. */
const ROWS_PER_PASS = 64;

/**
 * Logits [n, vocabSize] of residual vectors [n, hiddenSize] under final norm and head
 * (TransformerLens logit lens).
 */
export function unembed(model: Model, residuals: Float64Array): Promise<Float64Array> {
  return through(model, residuals, streamBefore(model.config.numLayers));
}

/** Logits [n, vocabSize] of vectors [n, hiddenSize] that have passed the final norm. */
export function unembedNormed(model: Model, normed: Float64Array): Promise<Float64Array> {
  return through(model, normed, 'model.norm');
}

async function through(model: Model, vectors: Float64Array, point: string): Promise<Float64Array> {
  const { hiddenSize, vocabSize, maxSeqLen } = model.config;
  const numVectors = vectors.length / hiddenSize;
  if (!Number.isInteger(numVectors) || numVectors < 1) {
    throw new RangeError(`vectors: expected rows of ${hiddenSize} values, got ${vectors.length} values`);
  }
  const out = new Float64Array(numVectors * vocabSize);
  const perPass = Math.min(ROWS_PER_PASS, maxSeqLen);
  for (let begin = 0; begin < numVectors; begin += perPass) {
    const end = Math.min(begin + perPass, numVectors);
    const insert: Hook = (values) => values.set(vectors.subarray(begin * hiddenSize, end * hiddenSize));
    const ids = new Array<number>(end - begin).fill(0);
    out.set(await runWithHooks(model, ids, { [point]: insert }), begin * vocabSize);
  }
  return out;
}
