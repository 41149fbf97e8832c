// The numbers of a model read off its trace, for a comparison without the model's file: sizes from shapes,
// theta from rotated heads, and the weights of the norms, which are the only weights that a trace gives away.

import { ropeFrequencies } from '../base/rotations.ts';
import type { ModelConfig } from '../config.ts';
import { placeOf, pointName, streamBefore } from '../model/points.ts';
import { type AlignedTrace, numRowsOf } from '../traces/align.ts';
import { canonicalName } from '../traces/names.ts';
import type { RawTrace } from '../traces/raw-trace.ts';
import { rotated } from './attention-bounds.ts';
import { judge } from './fit.ts';
import type { Arithmetic } from './precision.ts';
import { snapped, solveFrequencies, solveNorm, solveTheta } from './solve.ts';
import { activationsOf } from './suspect.ts';
import type { WeightSource } from './weight-source.ts';

/** Head size of every SmolLM2, assumed where no point shows the heads. */
const USUAL_HEAD_DIM = 64;

/**
 * A config from the shapes of a trace; theta and eps are the usual ones until `refineConfig` has seen
 * numbers.
 *
 * @throws RangeError when the trace shows no stream of tokens
 */
export function configFromShapes(trace: RawTrace): ModelConfig {
  const numRows = numRowsOf(trace);
  if (numRows === undefined) {
    throw new RangeError(
      `${trace.name}: expected input_ids or points of a model, got no way to tell its sizes`,
    );
  }
  const shapes = new Map<string, readonly number[]>();
  let numLayers = 0;
  for (const [raw, tensor] of trace.tensors) {
    const name = canonicalName(raw)?.name;
    if (!name) continue;
    const { layer, part } = placeOf(name);
    if (layer !== undefined) numLayers = Math.max(numLayers, layer + 1);
    if (!shapes.has(part)) shapes.set(part, tensor.shape);
  }
  const count = (part: string) => {
    const shape = shapes.get(part);
    return shape && shape.reduce((product, size) => product * size, 1) / numRows;
  };
  const hiddenSize =
    count('embed_tokens') ?? count('layer') ?? count('input_layernorm') ?? count('norm') ?? USUAL_HEAD_DIM;
  const qSize = count('self_attn.q_proj') ?? count('self_attn.attn_out') ?? hiddenSize;
  const split = shapes.get('self_attn.q_rope');
  const probs = shapes.get('self_attn.attn_probs');
  const headsInProbs = probs && probs.length >= 3 ? probs[probs.length - 3] : undefined;
  const headDim = headsInProbs
    ? qSize / headsInProbs
    : split && split.length >= 3
      ? split[split.length - 1]
      : Math.min(USUAL_HEAD_DIM, qSize);
  const kvSize = count('self_attn.k_proj') ?? count('self_attn.v_proj') ?? qSize;
  return {
    vocabSize: count('lm_head') ?? 1,
    hiddenSize,
    intermediateSize: count('mlp.act') ?? count('mlp.gate_proj') ?? count('mlp.up_proj') ?? 1,
    numLayers: Math.max(numLayers, 1),
    numHeads: qSize / headDim,
    numKvHeads: kvSize / headDim,
    headDim,
    maxSeqLen: numRows,
    rmsNormEps: 1e-5,
    ropeTheta: 100_000,
    qkvBias: false,
    tiedEmbeddings: true,
    eosIds: [],
  };
}

/**
 * The trace with the constants that its numbers show: eps, and theta where the frequencies are its powers.
 * Scaled frequencies (llama3) are kept as they were measured.
 */
export function withMeasuredConstants(trace: AlignedTrace, math: Arithmetic): AlignedTrace {
  const { config } = trace;
  const { whole } = activationsOf(trace);
  const x = whole('model.embed_tokens');
  const y = whole(pointName(0, 'input_layernorm'));
  const rmsNormEps = x && y ? solveNorm(x, y, config.hiddenSize).eps : config.rmsNormEps;
  const before = whole(pointName(0, 'self_attn.q_proj'));
  const after = whole(pointName(0, 'self_attn.q_rope'));
  const measured = before && after && solveFrequencies(before, after, config.numHeads, config.headDim / 2);
  const theta = measured && solveTheta(measured);
  if (!measured || !theta) return { ...trace, config: { ...config, rmsNormEps } };
  const solved = { ...config, rmsNormEps, ropeTheta: snapped(theta.value, 1e-3) };
  const rule = { frequencies: ropeFrequencies(solved), headDim: config.headDim };
  const fromTheta = rotated({ values: before }, config.numHeads, rule, math);
  if (judge({ values: after, resolution: 0 }, fromTheta).worst <= 1) return { ...trace, config: solved };
  return { ...trace, config: { ...config, rmsNormEps }, frequencies: measured };
}

/**
 * Weights of the norms, each solved from the trace's own input and output; no other tensor has a shape here.
 */
export function traceWeights(trace: AlignedTrace): WeightSource {
  const { config } = trace;
  const { whole } = activationsOf(trace);
  const solved = new Map<string, Float64Array>();
  const solve = (point: string, source: string) => {
    const x = whole(source);
    const y = whole(point);
    if (x && y) {
      solved.set(`${point}.weight`, solveNorm(x, y, config.hiddenSize, config.rmsNormEps).weight);
    }
  };
  for (let l = 0; l < config.numLayers; l++) {
    solve(pointName(l, 'input_layernorm'), streamBefore(l));
    solve(pointName(l, 'post_attention_layernorm'), pointName(l, 'residual_after_attention'));
  }
  solve('model.norm', streamBefore(config.numLayers));
  return {
    config,
    shape: (name) => (solved.has(name) ? [config.hiddenSize] : undefined),
    rows: async (name) => {
      const weight = solved.get(name);
      if (!weight) throw new RangeError(`weights: expected a norm that the trace shows, got ${name}`);
      return weight;
    },
  };
}
