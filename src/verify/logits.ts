// Two sets of logits for the same positions, as numbers: how far apart values and distributions are.

import { logSumExp } from '../base/log-sum-exp.ts';
import { exp } from '../base/math.ts';
import { logprobsOf } from '../generate/logprobs.ts';

export interface LogitsComparison {
  readonly numRows: number;
  /**
   * Largest and root mean square difference of the logits, after each row's mean difference is taken away.
   */
  readonly maxAbs: number;
  readonly rms: number;
  /** Σ(a - b)² over Σa². */
  readonly nmse: number;
  /** Mean KL(reference ‖ candidate), nats. */
  readonly meanKl: number;
  /** Rows with the same first token, and with the same five. */
  readonly sameTop: number;
  readonly sameTop5: number;
}

/**
 * Compares logits [rows, vocabSize]. A constant added to a row changes no probability (log-probabilities are
 * logits less their sum), so it is taken away first.
 */
export function compareLogits(
  reference: ArrayLike<number>,
  candidate: ArrayLike<number>,
  vocabSize: number,
): LogitsComparison {
  const numRows = reference.length / vocabSize;
  let maxAbs = 0;
  let squares = 0;
  let energy = 0;
  let meanKl = 0;
  let sameTop = 0;
  let sameTop5 = 0;
  for (let row = 0; row < numRows; row++) {
    const a = Float64Array.from({ length: vocabSize }, (_, i) => reference[row * vocabSize + i]);
    const b = Float64Array.from({ length: vocabSize }, (_, i) => candidate[row * vocabSize + i]);
    let shift = 0;
    for (let i = 0; i < vocabSize; i++) shift += (b[i] - a[i]) / vocabSize;
    const [sumA, sumB] = [logSumExp(a), logSumExp(b)];
    for (let i = 0; i < vocabSize; i++) {
      const difference = b[i] - a[i] - shift;
      maxAbs = Math.max(maxAbs, Math.abs(difference));
      squares += difference * difference;
      energy += a[i] * a[i];
      meanKl += (exp(a[i] - sumA) * (a[i] - sumA - (b[i] - sumB))) / numRows;
    }
    const [topA, topB] = [a, b].map((row) => logprobsOf(row, 0, 5).top.map(({ id }) => id));
    if (topA[0] === topB[0]) sameTop += 1 / numRows;
    if ([...topA].sort().join() === [...topB].sort().join()) sameTop5 += 1 / numRows;
  }
  return {
    numRows,
    maxAbs,
    rms: Math.sqrt(squares / numRows / vocabSize),
    nmse: squares / energy,
    meanKl,
    sameTop,
    sameTop5,
  };
}

/** What a comparison of logits says about the program behind it. */
export type LogitsVerdict = 'right' | 'right-quantised' | 'wrong-model';

/**
 * By the root mean square difference of the logits, measured on SmolLM2-135M: float32 1e-5, 16-bit arithmetic
 * up to 0.05, 8-bit activations and 4-bit weights 0.2 to 0.8; a wrong constant of the network makes more than
 * 1.
 */
export function logitsVerdict({ rms }: Pick<LogitsComparison, 'rms'>): LogitsVerdict {
  return rms <= 0.06 ? 'right' : rms <= 1 ? 'right-quantised' : 'wrong-model';
}
