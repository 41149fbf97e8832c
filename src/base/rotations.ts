// The angles of rotary position embedding, in float64; each engine keeps them in its own precision.

import { pow, sinCos } from './math.ts';

/** Frequencies of RoPE stretched as in Llama 3.1 (HF `_compute_llama3_parameters`). */
export interface Llama3RopeScaling {
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxSeqLen: number;
}

/** What of a model's config the angles follow from. */
export interface RotaryConfig {
  readonly headDim: number;
  readonly ropeTheta: number;
  readonly ropeScaling?: Llama3RopeScaling;
}

/** How much llama3 scaling slows a rotation of `frequency` radians per position: 1 (kept) to `factor`. */
export function ropeDivisor(frequency: number, scaling: Llama3RopeScaling): number {
  const wavelength = (2 * Math.PI) / frequency;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxSeqLen } = scaling;
  if (wavelength < originalMaxSeqLen / highFreqFactor) return 1;
  if (wavelength > originalMaxSeqLen / lowFreqFactor) return factor;
  const smooth = (originalMaxSeqLen / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return 1 / ((1 - smooth) / factor + smooth);
}

/** Radians per position of each pair of a head, [headDim / 2] (Su et al. 2021, eq. 15; HF `inv_freq`). */
export function ropeFrequencies(config: RotaryConfig): Float64Array {
  const { headDim, ropeTheta, ropeScaling } = config;
  return Float64Array.from({ length: headDim / 2 }, (_, j) => {
    const frequency = pow(ropeTheta, (-2 * j) / headDim);
    return ropeScaling ? frequency / ropeDivisor(frequency, ropeScaling) : frequency;
  });
}

/** Cosine and sine of position · frequency, [maxSeqLen, headDim / 2] each. */
export function rotations(config: RotaryConfig, maxSeqLen: number): { cos: Float64Array; sin: Float64Array } {
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
