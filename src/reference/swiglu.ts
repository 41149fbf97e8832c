// The gate of the feed-forward block. Mirror: assembly/swiglu.ts.

import { exp } from '../base/math.ts';

/**
 * Lets `gate` decide how much of `up` passes (Shazeer 2020, eq. 6; HF `LlamaMLP`, `hidden_act: silu`).
 *
 *     out[i] = silu(gate[i]) · up[i],   silu(z) = z / (1 + exp(-z))
 *
 * @param out  [rows, intermediateSize]; may be `gate` itself
 * @param gate [rows, intermediateSize]
 * @param up   [rows, intermediateSize]
 */
export function swiglu(out: Float64Array, gate: Float64Array, up: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (gate[i] / (1 + exp(-gate[i]))) * up[i];
}

/**
 * The gradient of `swiglu`, with σ = 1 / (1 + exp(-gate)):
 *
 *     dUp[i]   += dOut[i] · gate[i] · σ
 *     dGate[i] += dOut[i] · up[i] · σ · (1 + gate[i] · (1 - σ))
 */
export function swigluBackward(
  dGate: Float64Array,
  dUp: Float64Array,
  dOut: Float64Array,
  gate: Float64Array,
  up: Float64Array,
): void {
  for (let i = 0; i < dOut.length; i++) {
    const sigma = 1 / (1 + exp(-gate[i]));
    dUp[i] += dOut[i] * gate[i] * sigma;
    dGate[i] += dOut[i] * up[i] * sigma * (1 + gate[i] * (1 - sigma));
  }
}
