export function loss(logits: Float64Array, ids: number[]): number {
  const vocabSize = logits.length / ids.length;
  let sum = 0;
  for (let t = 0; t + 1 < ids.length; t++) {
    const row = logits.subarray(t * vocabSize, (t + 1) * vocabSize);
    const max = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((all, logit) => all + Math.exp(logit - max), 0);
    sum += max + Math.log(total) - row[ids[t + 1]];
  }
  return sum / (ids.length - 1);
}
