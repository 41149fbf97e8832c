/**
 * Lets each gate decide how much of its pipe passes:
 *
 *     out[i] = silu(gate[i]) · up[i],   silu(z) = z / (1 + e^(−z))
 *
 * @param gate [size] numbers
 * @param up   [size] numbers
 * @returns    [size]
 */
export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  throw new Error(`todo: ${gate.length} gates over ${up.length} pipes`);
}
