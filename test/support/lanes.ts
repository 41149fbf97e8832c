// Lane models: what the kernels compute, operation by operation, in JavaScript numbers rounded to float32 where the
// kernels round. A strict kernel equals its lane model bit for bit; the orders of sums stand in assembly/*.ts.

export const f32 = Math.fround;

/** One block of a packed weight row: value = d · q + m. */
export interface WeightBlock {
  readonly d: number;
  readonly m: number;
  readonly q: readonly number[];
}

/** Adding and taking away 1.5 · 2^23 rounds a float32 to a whole number, ties to even. */
function roundWhole(x: number): number {
  return f32(f32(x + 12582912) - 12582912);
}

/** assembly/quantise.ts, fast: whole numbers, scale and scaled sum of one block. */
export function quantiseFast(x: ArrayLike<number>) {
  const most = Math.max(...Array.from(x, Math.abs));
  const inverse = most === 0 ? 0 : f32(32767 / most);
  const q = Array.from(x, (value) => roundWhole(f32(value * inverse)));
  const d = f32(most * f32(1 / 32767));
  return { q, d, sum: f32(d * f32(q.reduce((a, b) => a + b, 0))) };
}

/** assembly/quantise.ts, precise: value = s · (2^15 · high + low). */
export function quantisePrecise(x: ArrayLike<number>) {
  const most = Math.max(...Array.from(x, Math.abs));
  const exponent = most === 0 ? -200 : Math.floor(Math.log2(most));
  const unit = exponent < -113 ? 0 : 2 ** (13 - exponent);
  const high = Array.from(x, (value) => roundWhole(f32(value * unit)));
  const low = Array.from(x, (value, i) => roundWhole(f32(f32(f32(value * unit) - high[i]) * 32768)));
  const s = unit === 0 ? 0 : 2 ** (exponent - 28);
  const total = (ints: readonly number[]) => ints.reduce((a, b) => a + b, 0);
  return { high, low, s, sum: s * (32768 * total(high) + total(low)) };
}

const dotInts = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** One result of a quantised linear, fast. */
export function linearFast(x: Float32Array, row: readonly WeightBlock[]): number {
  let sums = 0;
  row.forEach(({ d, m, q }, b) => {
    const block = quantiseFast(x.subarray(b * q.length, (b + 1) * q.length));
    const scaled = f32(f32(dotInts(q, block.q)) * f32(d * block.d));
    sums = f32(sums + f32(scaled + f32(m * block.sum)));
  });
  return sums;
}

/** assembly/linear-q4-relaxed.ts: one result over 4-bit weights with activations in 8 bits. */
export function linearBytes(x: Float32Array, row: readonly WeightBlock[]): number {
  let sums = 0;
  row.forEach(({ d, m, q }, b) => {
    const block = x.subarray(b * 32, (b + 1) * 32);
    const most = Math.max(...block.map(Math.abs));
    const inverse = most === 0 ? 0 : f32(127 / most);
    const ints = Array.from(block, (value) => roundWhole(f32(value * inverse)));
    const scale = f32(most * f32(1 / 127));
    const sum = f32(scale * ints.reduce((a, c) => a + c, 0));
    sums = f32(sums + f32(f32(dotInts(q, ints) * f32(d * scale)) + f32(m * sum)));
  });
  return sums;
}

/** One result of a quantised linear, precise: float64 from the whole sums on, one rounding at the end. */
export function linearPrecise(x: Float32Array, row: readonly WeightBlock[]): number {
  let sums = 0;
  row.forEach(({ d, m, q }, b) => {
    const block = quantisePrecise(x.subarray(b * q.length, (b + 1) * q.length));
    const whole = dotInts(q, block.high) * 32768 + dotInts(q, block.low);
    sums += whole * (d * block.s) + m * block.sum;
  });
  return f32(sums);
}

/** One result of a dense linear: columns of a block of 32 in float32, blocks in float64. */
export function linearDense(x: ArrayLike<number>, weight: ArrayLike<number>): number {
  let sums = 0;
  for (let i = 0; i < x.length; i += 32) {
    let block = 0;
    for (let k = i; k < Math.min(i + 32, x.length); k++) block = f32(f32(x[k] * weight[k]) + block);
    sums += block;
  }
  return f32(sums);
}

/** assembly/rmsnorm.ts */
export function rmsNorm(x: Float32Array, weight: Float32Array, eps: number): Float32Array {
  const lanes = [0, 0, 0, 0];
  const whole = x.length & ~3;
  for (let i = 0; i < whole; i++) lanes[i & 3] += x[i] * x[i];
  let sumSquares = lanes[0] + lanes[2] + (lanes[1] + lanes[3]);
  for (let i = whole; i < x.length; i++) sumSquares += x[i] * x[i];
  const scale = 1 / Math.sqrt(sumSquares / x.length + eps);
  return x.map((value, i) => value * scale * weight[i]);
}

const EXP_COEFFICIENTS = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
].map(f32);

/** assembly/simd.ts, exp4. */
export function exp(value: number): number {
  const x = Math.max(Math.min(f32(value), 88), -87);
  const shifted = f32(f32(x * f32(Math.LOG2E)) + 12582912);
  const n = f32(shifted - 12582912);
  let r = f32(x - f32(n * f32(0.693359375)));
  r = f32(r - f32(n * f32(-2.1219444e-4)));
  let p = EXP_COEFFICIENTS[0];
  for (const c of EXP_COEFFICIENTS.slice(1)) p = f32(f32(p * r) + c);
  p = f32(f32(f32(f32(p * r) * r) + r) + 1);
  return f32(p * 2 ** n);
}

/** assembly/swiglu.ts */
export function swiglu(gate: number, up: number): number {
  return f32(f32(gate / f32(1 + exp(-gate))) * up);
}

/** assembly/rope.ts: one head in place, cos and sin [headDim / 2] as float32. */
export function rope(head: Float32Array, cos: ArrayLike<number>, sin: ArrayLike<number>): Float32Array {
  const half = head.length / 2;
  const out = new Float32Array(head.length);
  for (let j = 0; j < half; j++) {
    out[j] = f32(f32(head[j] * cos[j]) - f32(head[j + half] * sin[j]));
    out[j + half] = f32(f32(head[j + half] * cos[j]) + f32(head[j] * sin[j]));
  }
  return out;
}

const PART = 128;

/** assembly/attention-part.ts: one query over keys and values [positions][headDim], in parts of 128 positions. */
export function attend(q: Float32Array, keys: Float32Array[], values: Float32Array[]): Float32Array {
  const headDim = q.length;
  const scaled = q.map((value) => f32(value * f32(1 / Math.sqrt(headDim))));
  const parts: { largest: number; sum: number; out: Float32Array }[] = [];
  for (let first = 0; first < keys.length; first += PART) {
    const some = keys.slice(first, first + PART);
    const scores = some.map((key) => scaled.reduce((sum, value, i) => f32(f32(value * key[i]) + sum), 0));
    const largest = Math.max(...scores);
    const e = scores.map((score) => exp(f32(score - largest)));
    const lanes = [0, 0, 0, 0];
    e.forEach((weight, p) => {
      lanes[p & 3] = f32(lanes[p & 3] + weight);
    });
    const out = new Float32Array(headDim);
    e.forEach((weight, p) => {
      for (let i = 0; i < headDim; i++) out[i] = f32(f32(weight * values[first + p][i]) + out[i]);
    });
    parts.push({ largest, sum: f32(f32(lanes[0] + lanes[2]) + f32(lanes[1] + lanes[3])), out });
  }
  const largest = Math.max(...parts.map((part) => part.largest));
  const factors = parts.map((part) => exp(f32(part.largest - largest)));
  const total = parts.reduce((sum, part, n) => sum + factors[n] * part.sum, 0);
  const inverse = f32(1 / total);
  return q.map((_, i) => {
    const sum = parts.reduce((acc, part, n) => f32(acc + f32(factors[n] * part.out[i])), 0);
    return f32(sum * inverse);
  });
}
