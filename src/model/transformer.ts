// The forward pass of SmolLM2: embed, blocks, final norm, logits. Written against src/ops.ts only, so the same code
// runs on the float64 reference and in every WASM worker. Next step of the walk: attention.ts and mlp.ts.

import { type Chunk, LOGITS, NORMED, type Ops, type Vector } from '../ops.ts';
import { attention, fusedAttention } from './attention.ts';
import { fusedMlp, mlp } from './mlp.ts';
import type { Network, Pass, Watch } from './pass.ts';
import type { LayerWeights } from './weights.ts';
import type { Workspace } from './workspace.ts';

/**
 * What a team's job, or the calling thread, may be asked to compute, by number. Each stops for breath after every
 * block: who shares a thread with others may wait there.
 */
export const PROGRAMS = [forward, head] as const;
export const FORWARD = 0;
export const HEAD = 1;

/**
 * Runs a chunk through the network. Keys and values land in the sequences' caches; what is wanted of a row lies in
 * the workspace afterwards: row t of `hidden` (cleared before, where a residual stream is wanted), and the first rows
 * of logits, as many as `logits` holds.
 */
export function* forward(ops: Ops, network: Network, chunk: Chunk, watch?: Watch): Generator<void, void> {
  const { config, weights } = network;
  const { ids, sequences, wanted } = chunk;
  const numRows = ids.length;
  const buffers = cutToRows(ops, network.workspace, numRows);
  const { rope, fusible } = network;
  const pass: Pass = { ops, config, rope, fusible, buffers, sequences, numRows, ...watch };
  const { x, normed, hidden } = buffers;
  const rowsOf = (buffer: Vector, begin: number, end: number) =>
    ops.view(buffer, begin * config.hiddenSize, end * config.hiddenSize);

  ops.begin?.();
  ops.embed(x, weights.embedTokens, ids);
  pass.trace?.('model.embed_tokens', x, [numRows, config.hiddenSize]);
  for (let l = 0; l <= config.numLayers; l++) {
    for (const [begin, end] of runsOf(wanted, l)) ops.add(rowsOf(hidden, begin, end), rowsOf(x, begin, end));
    if (l < config.numLayers) block(pass, x, weights.layers[l], l);
    yield;
  }

  for (const [begin, end] of pass.trace ? [[0, numRows]] : runsOf(wanted, LOGITS)) {
    ops.rmsNorm(rowsOf(normed, begin, end), rowsOf(x, begin, end), weights.norm, config.rmsNormEps);
  }
  for (const [begin, end] of runsOf(wanted, NORMED)) {
    ops.rmsNorm(rowsOf(hidden, begin, end), rowsOf(x, begin, end), weights.norm, config.rmsNormEps);
  }
  pass.trace?.('model.norm', normed, [numRows, config.hiddenSize]);
  yield* head(ops, network, chunk);
}

/**
 * One decoder block: two branches, each added to the residual stream x (HF `LlamaDecoderLayer`). Where nobody watches,
 * a branch runs fused if the engine can do that with its weights.
 */
function block(pass: Pass, x: Vector, w: LayerWeights, layer: number): void {
  const { ops, config, numRows, trace } = pass;
  const fused = trace ? undefined : ops.fused;
  const shape = [numRows, config.hiddenSize];
  if (fused && pass.fusible?.[layer].attention) fusedAttention(fused, pass, x, w, layer);
  else attention(pass, x, w, layer);
  trace?.(`model.layers.${layer}.residual_after_attention`, x, shape);
  if (fused && pass.fusible?.[layer].mlp) fusedMlp(fused, pass, x, w);
  else mlp(pass, x, w, layer);
  trace?.(`model.layers.${layer}`, x, shape);
}

/** The next rows of logits of a chunk that `forward` has run, from the normalised rows that it left. */
export function* head(ops: Ops, network: Network, { wanted, logitsDone }: Chunk): Generator<void, void> {
  const { config, weights, workspace } = network;
  const room = workspace.logits.length / config.vocabSize;
  let row = -logitsDone; // of the logits buffer
  for (const [begin, end] of runsOf(wanted, LOGITS)) {
    const first = begin + Math.max(-row, 0);
    const last = Math.min(end, begin + room - row);
    if (first < last) {
      const at = Math.max(row, 0);
      const out = ops.view(workspace.logits, at * config.vocabSize, (at + last - first) * config.vocabSize);
      const normed = ops.view(workspace.normed, first * config.hiddenSize, last * config.hiddenSize);
      ops.linear(out, normed, weights.lmHead);
      yield;
    }
    row += end - begin;
  }
}

/** Runs of neighbouring rows of which `what` is wanted: [begin, end). */
function runsOf(wanted: readonly number[], what: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let t = wanted.indexOf(what); t >= 0; t = wanted.indexOf(what, t)) {
    const begin = t;
    while (wanted[t] === what) t++;
    runs.push([begin, t]);
  }
  return runs;
}

function cutToRows(ops: Ops, { maxRows, logits, ...rows }: Workspace, numRows: number): Pass['buffers'] {
  const cut = Object.entries(rows).map(([name, buffer]) => [
    name,
    ops.view(buffer, 0, (buffer.length / maxRows) * numRows),
  ]);
  return { ...(Object.fromEntries(cut) as Omit<Workspace, 'maxRows' | 'logits'>), logits };
}
