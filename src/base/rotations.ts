// The angles of rotary position embedding, in float64; each engine keeps them in its own precision.

import { type ModelConfig, ropeDivisor } from '../config.ts';
import { pow, sinCos } from './math.ts';

/** Radians per position of each pair of a head, [headDim / 2] (Su et al. 2021, eq. 15; HF `inv_freq`). */
export function ropeFrequencies(config: ModelConfig): Float64Array {
  const { headDim, ropeTheta, ropeScaling } = config;
  return Float64Array.from({ length: headDim / 2 }, (_, j) => {
    const frequency = pow(ropeTheta, (-2 * j) / headDim);
    return ropeScaling ? frequency / ropeDivisor(frequency, ropeScaling) : frequency;
  });
}

/** Cosine and sine of position · frequency, [maxSeqLen, headDim / 2] each. */
export function rotations(config: ModelConfig, maxSeqLen: number): { cos: Float64Array; sin: Float64Array } {
  const frequencies = ropeFrequencies(config);
  const cos = new Float64Array(maxSeqLen * frequencies.length);
  const sin = new Float64Array(maxSeqLen * frequencies.length);
  for (let pos = 0; pos < maxSeqLen; pos++) {
    for (let j = 0; j < frequencies.length; j++) {
      const angle = sinCos(pos * frequencies[j]);
      cos[pos * frequencies.length + j] = angle.cos;
      sin[pos * frequencies.length + j] = angle.sin;
    }
  }
  return { cos, sin };
}
