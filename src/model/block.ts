// One decoder block: two branches, each added to the residual stream x (HF `LlamaDecoderLayer`).
// Next step of the walk: attention.ts and mlp.ts.

import type { Vector } from '../ops.ts';
import { attention } from './attention.ts';
import { mlp } from './mlp.ts';
import type { Pass } from './pass.ts';
import type { LayerWeights } from './weights.ts';

/** x [numRows, hiddenSize] += attention(norm(x)); x += mlp(norm(x)). */
export function block(pass: Pass, x: Vector, w: LayerWeights, layer: number): void {
  const shape = [pass.numRows, pass.config.hiddenSize];
  attention(pass, x, w, layer);
  pass.trace?.(`model.layers.${layer}.residual_after_attention`, x, shape);
  mlp(pass, x, w, layer);
  pass.trace?.(`model.layers.${layer}`, x, shape);
}
