// The forward pass of SmolLM2: embed, blocks, final norm, logits. Written against src/ops.ts only, so the same code
// runs on the float64 reference and in every WASM worker. Next step of the walk: block.ts.

import type { Ops, Sequence, Vector } from '../ops.ts';
import { block } from './block.ts';
import type { Network, Pass } from './pass.ts';
import type { Trace } from './trace.ts';
import type { Workspace } from './workspace.ts';

/** Called with each slice of logits [rows, vocabSize] once it is in the workspace, and the slice's first row. */
export type LogitsSink = (logits: Vector, firstRow: number) => void;

/**
 * Runs `ids` (at most `workspace.maxRows`) through the network; keys and values land in the sequences' caches.
 *
 * @param ids       one id per row, sequence after sequence
 * @param sequences where the rows stand; together they cover all rows
 * @param logitRows [first, last) rows whose logits are wanted, in slices of the workspace's logit rows
 * @param sink      gets each slice; the buffer is reused for the next
 */
export function forward(
  ops: Ops,
  network: Network,
  ids: readonly number[],
  sequences: readonly Sequence[],
  logitRows: readonly [number, number],
  sink: LogitsSink,
  watch?: { trace: Trace; probs: Vector },
): void {
  const { config, weights, rope } = network;
  const numRows = ids.length;
  const buffers = cutToRows(ops, network, numRows);
  const pass: Pass = { ops, config, rope, buffers, sequences, numRows, ...watch };
  const { x, normed, logits } = buffers;

  ops.embed(x, weights.embedTokens, ids);
  pass.trace?.('model.embed_tokens', x, [numRows, config.hiddenSize]);

  for (let l = 0; l < config.numLayers; l++) block(pass, x, weights.layers[l], l);

  const [first, last] = logitRows;
  if (first === last && !pass.trace) return;
  ops.rmsNorm(normed, x, weights.norm, config.rmsNormEps);
  pass.trace?.('model.norm', normed, [numRows, config.hiddenSize]);

  const sliceRows = logits.length / config.vocabSize;
  for (let row = first; row < last; row += sliceRows) {
    const end = Math.min(row + sliceRows, last);
    const slice = ops.view(logits, 0, (end - row) * config.vocabSize);
    ops.linear(slice, ops.view(normed, row * config.hiddenSize, end * config.hiddenSize), weights.lmHead);
    sink(slice, row);
  }
}

function cutToRows(ops: Ops, network: Network, numRows: number): Pass['buffers'] {
  const { maxRows, logits, ...rows } = network.workspace;
  const cut = Object.entries(rows).map(([name, buffer]) => [
    name,
    ops.view(buffer, 0, (buffer.length / maxRows) * numRows),
  ]);
  return { ...(Object.fromEntries(cut) as Omit<Workspace, 'maxRows' | 'logits'>), logits };
}
