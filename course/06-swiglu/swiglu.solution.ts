export function swiglu(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((z, i) => (z / (1 + Math.exp(-z))) * up[i]);
}
