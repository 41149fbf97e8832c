// The feed-forward half of a block, SwiGLU: normalise, gate and up, silu(gate) · up, down.
// Next step of the walk: src/reference/swiglu.ts.

import type { FusedOps, Vector } from '../ops.ts';
import { addLowRank } from './low-rank.ts';
import type { Pass } from './pass.ts';
import type { LayerWeights } from './weights.ts';

/** x += downProj(silu(gateProj(h)) · upProj(h)), h = postAttentionNorm(x) (HF `LlamaMLP`). */
export function mlp(pass: Pass, x: Vector, w: LayerWeights, layer: number): void {
  const { ops, numRows, buffers, trace } = pass;
  const { hiddenSize, intermediateSize, rmsNormEps } = pass.config;
  const { normed, gate, up, branch } = buffers;
  const see = (point: string, value: Vector, size: number) =>
    trace?.(`model.layers.${layer}.${point}`, value, [numRows, size]);

  ops.rmsNorm(normed, x, w.postAttentionNorm, rmsNormEps);
  see('post_attention_layernorm', normed, hiddenSize);
  ops.linear(gate, normed, w.gateUp.gateProj, w.gateUp.gateBias);
  addLowRank(pass, gate, normed, w.adapters?.gateProj);
  see('mlp.gate_proj', gate, intermediateSize);
  ops.linear(up, normed, w.gateUp.upProj, w.gateUp.upBias);
  addLowRank(pass, up, normed, w.adapters?.upProj);
  see('mlp.up_proj', up, intermediateSize);
  ops.swiglu(gate, gate, up);
  see('mlp.act', gate, intermediateSize);
  ops.linear(branch, gate, w.downProj, w.downBias);
  addLowRank(pass, branch, gate, w.adapters?.downProj);
  see('mlp.down_proj', branch, hiddenSize);
  ops.add(x, branch);
}

/** The same with the same bits, in fewer passes over memory. */
export function fusedMlp(fused: FusedOps, { buffers, config }: Pass, x: Vector, w: LayerWeights): void {
  fused.mlpInput(buffers.gate, x, w.postAttentionNorm, config.rmsNormEps, w.gateUp);
  fused.linearAdd(x, buffers.gate, w.downProj);
}
