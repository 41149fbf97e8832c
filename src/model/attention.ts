// Grouped-query attention: normalise, project, rotate, remember, attend, project back.
// Next step of the walk: the operations themselves, src/reference/linear.ts and src/reference/attend.ts.

import type { FusedOps, Vector } from '../ops.ts';
import { addLowRank } from './low-rank.ts';
import type { Pass } from './pass.ts';
import type { LayerWeights } from './weights.ts';

/** x [numRows, hiddenSize] += oProj(attention(inputNorm(x))) (HF `LlamaAttention` with its residual). */
export function attention(pass: Pass, x: Vector, w: LayerWeights, layer: number): void {
  const { ops, numRows, buffers, sequences, rope, probs, trace } = pass;
  const { hiddenSize, numHeads, numKvHeads, headDim, rmsNormEps } = pass.config;
  const { normed, q, k, v, mixed, branch } = buffers;
  const see = (point: string, value: Vector, ...shape: number[]) =>
    trace?.(`model.layers.${layer}.${point}`, value, [numRows, ...shape]);

  ops.rmsNorm(normed, x, w.inputNorm, rmsNormEps);
  see('input_layernorm', normed, hiddenSize);
  ops.linear(q, normed, w.qkv.qProj, w.qkv.qBias);
  addLowRank(pass, q, normed, w.adapters?.qProj);
  see('self_attn.q_proj', q, numHeads * headDim);
  ops.linear(k, normed, w.qkv.kProj, w.qkv.kBias);
  addLowRank(pass, k, normed, w.adapters?.kProj);
  see('self_attn.k_proj', k, numKvHeads * headDim);
  ops.linear(v, normed, w.qkv.vProj, w.qkv.vBias);
  addLowRank(pass, v, normed, w.adapters?.vProj);
  see('self_attn.v_proj', v, numKvHeads * headDim);
  ops.rope(q, rope, numHeads, sequences);
  see('self_attn.q_rope', q, numHeads, headDim);
  ops.rope(k, rope, numKvHeads, sequences);
  see('self_attn.k_rope', k, numKvHeads, headDim);
  ops.remember(k, v, layer, sequences);
  ops.attend(mixed, q, layer, sequences, probs);
  if (probs) {
    const numPositions = probs.length / numHeads / numRows;
    trace?.(`model.layers.${layer}.self_attn.attn_probs`, probs, [numHeads, numRows, numPositions]);
  }
  see('self_attn.attn_out', mixed, numHeads * headDim);
  ops.linear(branch, mixed, w.oProj, w.oBias);
  addLowRank(pass, branch, mixed, w.adapters?.oProj);
  see('self_attn.o_proj', branch, hiddenSize);
  ops.add(x, branch);
}

/** The same with the same bits, in fewer passes over memory. */
export function fusedAttention(fused: FusedOps, pass: Pass, x: Vector, w: LayerWeights, layer: number): void {
  const { ops, buffers, sequences, rope } = pass;
  const { q, mixed } = buffers;
  fused.attentionInput(q, x, w.inputNorm, pass.config.rmsNormEps, w.qkv, { layer, rope, sequences });
  ops.attend(mixed, q, layer, sequences);
  fused.linearAdd(x, mixed, w.oProj);
}
