// The trace of a model that runs here, in memory: the same names and shapes as `smollm2 trace` writes.

import type { Model } from '../model/model.ts';
import type { RawTensor, RawTrace } from './raw-trace.ts';

/**
 * Every point of one pass over `ids`, the logits included.
 *
 * @param points names of the points wanted; every one when absent
 */
export async function traceModel(
  model: Model,
  ids: readonly number[],
  name = 'model',
  points?: readonly string[],
): Promise<RawTrace> {
  const tensors = new Map<string, RawTensor>();
  const wanted = points && new Set(points);
  const cache = model.newCache(ids.length);
  const logits = await model.forward(ids, cache, {
    logits: !wanted || wanted.has('lm_head') ? 'all' : 'none',
    points: points?.filter((point) => point !== 'lm_head'),
    trace: (point, value, shape) => {
      if (wanted && !wanted.has(point)) return;
      const values = Float64Array.from(model.read(value));
      tensors.set(point, /_rope$/.test(point) ? headsFirst(values, shape) : { shape: [1, ...shape], values });
    },
  });
  model.freeCache(cache);
  if (logits.length > 0) {
    tensors.set('lm_head', {
      shape: [1, ids.length, model.config.vocabSize],
      values: Float64Array.from(logits),
    });
  }
  tensors.set('input_ids', { shape: [1, ids.length], values: Float64Array.from(ids) });
  return { name, tensors, metadata: { engine: model.engineName } };
}

/** Rotated heads in the order of HuggingFace, [1, numHeads, rows, headDim]. */
function headsFirst(values: Float64Array, shape: readonly number[]): RawTensor {
  const [numRows, numHeads, headDim] = shape;
  const out = new Float64Array(values.length);
  for (let head = 0; head < numRows * numHeads; head++) {
    const [t, h] = [Math.floor(head / numHeads), head % numHeads];
    out.set(values.subarray(head * headDim, (head + 1) * headDim), (h * numRows + t) * headDim);
  }
  return { shape: [1, numHeads, numRows, headDim], values: out };
}
