export function rope(head: Float64Array, pos: number, theta: number): Float64Array {
  const half = head.length / 2;
  const out = new Float64Array(head.length);
  for (let j = 0; j < half; j++) {
    const angle = pos * theta ** ((-2 * j) / head.length);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    out[j] = head[j] * cos - head[j + half] * sin;
    out[j + half] = head[j + half] * cos + head[j] * sin;
  }
  return out;
}
