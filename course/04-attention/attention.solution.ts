export function attend(
  q: Float64Array,
  keys: Float64Array,
  values: Float64Array,
  heads: { numHeads: number; numKvHeads: number; headDim: number },
  pos: number,
): Float64Array {
  const { numHeads, numKvHeads, headDim } = heads;
  const out = new Float64Array(q.length);
  for (let h = 0; h < numHeads; h++) {
    const kvHead = Math.floor(h / (numHeads / numKvHeads));
    const start = (p: number) => (p * numKvHeads + kvHead) * headDim;
    const scores = new Float64Array(pos + 1);
    for (let p = 0; p <= pos; p++) {
      for (let i = 0; i < headDim; i++) scores[p] += q[h * headDim + i] * keys[start(p) + i];
      scores[p] /= Math.sqrt(headDim);
    }
    const max = scores.reduce((a, b) => Math.max(a, b));
    const weights = scores.map((score) => Math.exp(score - max));
    const sum = weights.reduce((a, b) => a + b);
    for (let p = 0; p <= pos; p++) {
      for (let i = 0; i < headDim; i++) out[h * headDim + i] += (weights[p] / sum) * values[start(p) + i];
    }
  }
  return out;
}
