// Direct logit attribution: the final stream is a sum, so a logit is a sum as well, one term per
// module and per head. The scale of the final norm is kept as it was in the pass
// (TransformerLens `logit_attrs`, `apply_ln_to_stack`).

import type { Model } from '../model/model.ts';
import { pointName, streamBefore } from '../model/points.ts';
import { type ActivationCache, activation, type Hook, runWithCache, runWithHooks } from './hooks.ts';
import { unembedNormed } from './unembed.ts';

export interface Attribution {
  /** `embed`, `layer 3 attention`, `layer 3 head 7`, `layer 3 mlp`. */
  readonly component: string;
  /** What the component adds to the logit of `id` (minus that of `baselineId`). */
  readonly logit: number;
}

/**
 * Terms of the logit of `id` after token `position`: embedding, every attention (or every head) and every
 * mlp. They add up to the logit (difference) itself.
 *
 * @param options.heads      attention split into heads
 * @param options.baselineId subtracts this id's logit: what tells the two apart
 */
export async function logitAttribution(
  model: Model,
  ids: readonly number[],
  id: number,
  options: { readonly position?: number; readonly baselineId?: number; readonly heads?: boolean } = {},
): Promise<Attribution[]> {
  const { position = ids.length - 1, baselineId, heads = false } = options;
  const { hiddenSize, numLayers, vocabSize } = model.config;
  const last = streamBefore(numLayers);
  const branches = Array.from({ length: numLayers }, (_, l) => [
    pointName(l, 'self_attn.o_proj'),
    pointName(l, 'mlp.down_proj'),
    pointName(l, 'self_attn.attn_out'),
  ]);
  const cache = await runWithCache(model, ids, [
    'model.embed_tokens',
    ...branches.flat(),
    last,
    'model.norm',
  ]);
  const row = (name: string) => rowOf(cache, name, position);
  const perHead = heads ? await headOutputs(model, cache, position) : undefined;

  const names: string[] = ['embed'];
  const vectors: Float64Array[] = [row('model.embed_tokens')];
  for (const [l, [attention, mlp]] of branches.entries()) {
    if (perHead) {
      for (const [h, vector] of perHead[l].entries()) {
        names.push(`layer ${l} head ${h}`);
        vectors.push(vector);
      }
    } else {
      names.push(`layer ${l} attention`);
      vectors.push(row(attention));
    }
    names.push(`layer ${l} mlp`);
    vectors.push(row(mlp));
  }
  // The final norm multiplies channel i by normed[i] / stream[i], whatever the component.
  const stream = row(last);
  const normed = row('model.norm');
  const scaled = new Float64Array(vectors.length * hiddenSize);
  for (const [n, vector] of vectors.entries()) {
    for (let i = 0; i < hiddenSize; i++) {
      scaled[n * hiddenSize + i] = stream[i] === 0 ? 0 : vector[i] * (normed[i] / stream[i]);
    }
  }
  const logits = await unembedNormed(model, scaled);
  return names.map((component, n) => ({
    component,
    logit: logits[n * vocabSize + id] - (baselineId === undefined ? 0 : logits[n * vocabSize + baselineId]),
  }));
}

function rowOf(cache: ActivationCache, name: string, position: number): Float64Array {
  const { values, shape } = activation(cache, name);
  const size = values.length / shape[0];
  return Float64Array.from(values.subarray(position * size, (position + 1) * size));
}

/**
 * What each head of each layer adds to the stream at one position, [layer][head] of [hiddenSize]: a pass over
 * one dummy token per head, whose attention output is that head's alone, read after o_proj.
 */
async function headOutputs(
  model: Model,
  cache: ActivationCache,
  position: number,
): Promise<Float64Array[][]> {
  const { numHeads, headDim, hiddenSize, numLayers } = model.config;
  const outputs: Float64Array[][] = [];
  const hooks: Record<string, Hook> = {};
  for (let l = 0; l < numLayers; l++) {
    const mixed = rowOf(cache, pointName(l, 'self_attn.attn_out'), position);
    hooks[pointName(l, 'self_attn.attn_out')] = (values) => {
      values.fill(0);
      for (let h = 0; h < numHeads; h++) {
        const head = mixed.subarray(h * headDim, (h + 1) * headDim);
        values.set(head, h * numHeads * headDim + h * headDim);
      }
    };
    hooks[pointName(l, 'self_attn.o_proj')] = (values) => {
      outputs[l] = Array.from({ length: numHeads }, (_, h) =>
        Float64Array.from(values.subarray(h * hiddenSize, (h + 1) * hiddenSize)),
      );
    };
  }
  await runWithHooks(model, new Array<number>(numHeads).fill(0), hooks);
  return outputs;
}
