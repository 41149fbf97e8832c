export function nearest(table: Float64Array, size: number, id: number, count: number): [number[], number[]] {
  const row = (n: number) => table.subarray(n * size, (n + 1) * size);
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const own = row(id);
  const others = Array.from({ length: table.length / size }, (_, n) => ({
    id: n,
    cosine: dot(own, row(n)) / Math.sqrt(dot(own, own) * dot(row(n), row(n))),
  })).filter((other) => other.id !== id);
  others.sort((a, b) => b.cosine - a.cosine);
  const kept = others.slice(0, count);
  return [kept.map((other) => other.id), kept.map((other) => other.cosine)];
}
