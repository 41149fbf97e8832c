// Rotary position embedding. Mirror: assembly/rope.ts.

import { rotations } from '../base/rotations.ts';
import type { ModelConfig } from '../config.ts';
import type { RopeTable, Sequence } from '../ops.ts';

export interface ReferenceRopeTable extends RopeTable {
  readonly cos: Float64Array; // [maxSeqLen, headDim / 2]
  readonly sin: Float64Array; // [maxSeqLen, headDim / 2]
  readonly headDim: number;
}

/** Cosines and sines of every position, [maxSeqLen, headDim / 2] each, in float64. */
export function ropeTable(config: ModelConfig, maxSeqLen: number): ReferenceRopeTable {
  return { ...rotations(config, maxSeqLen), headDim: config.headDim, maxSeqLen };
}

/**
 * Turns each pair (j, j + headDim / 2) of each head by position · frequency[j], in place
 * (Su et al. 2021, eq. 34; HF `apply_rotary_pos_emb`: halves rotate, not neighbours).
 *
 *     first  = x[j] · cos - x[j + half] · sin
 *     second = x[j + half] · cos + x[j] · sin
 *
 * @param x         [rows, numHeads, headDim]
 * @param sequences which row stands at which position
 */
export function rope(
  x: Float64Array,
  table: ReferenceRopeTable,
  numHeads: number,
  sequences: readonly Sequence[],
): void {
  const { cos, sin, headDim } = table;
  const half = headDim / 2;
  for (const { begin, count, startPos } of sequences) {
    for (let t = 0; t < count; t++) {
      const angle = (startPos + t) * half;
      for (let h = 0; h < numHeads; h++) {
        const head = ((begin + t) * numHeads + h) * headDim;
        for (let j = 0; j < half; j++) {
          const first = x[head + j];
          const second = x[head + j + half];
          x[head + j] = first * cos[angle + j] - second * sin[angle + j];
          x[head + j + half] = second * cos[angle + j] + first * sin[angle + j];
        }
      }
    }
  }
}

/**
 * The gradient of `rope`, in place: a rotation is undone by the opposite one.
 *
 *     dFirst  = dOutFirst · cos + dOutSecond · sin
 *     dSecond = dOutSecond · cos - dOutFirst · sin
 *
 * @param dOut [rows, numHeads, headDim]; becomes dX
 */
export function ropeBackward(
  dOut: Float64Array,
  table: ReferenceRopeTable,
  numHeads: number,
  sequences: readonly Sequence[],
): void {
  const opposite = { ...table, sin: table.sin.map((sine) => -sine) };
  rope(dOut, opposite, numHeads, sequences);
}
