// Elementary functions with one result on every machine. The language leaves the last digits of Math.exp, log, sin,
// cos and pow to the engine, so two runtimes could disagree about a logit; these use +, -, ·, / only, which IEEE 754
// fixes. Each is within 1 ulp of the true value on the stated range (test/base/math.test.ts).

// ln 2 and π/2 in two and three parts: the leading parts end in zero bits, so their product with a small whole number
// is exact and the reduced argument keeps its digits (Cody and Waite's reduction; constants of fdlibm).
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;
const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_MIDDLE = 6.077100506303966e-11;
const HALF_PI_LOW = 2.0222662487959506e-21;
const TWO_OVER_PI = 0.6366197723675814;

/** 1/n! for n = 0 … 19: series below use as many terms as their interval needs. */
const INVERSE_FACTORIAL: number[] = [1];
for (let n = 1; n < 20; n++) INVERSE_FACTORIAL[n] = INVERSE_FACTORIAL[n - 1] / n;

/** (-1)^(n/2) / n!: the coefficients of sine at odd n and of cosine at even n. */
const SIGNED_INVERSE_FACTORIAL = INVERSE_FACTORIAL.map((c, n) => (n & 2 ? -c : c));

const word = new DataView(new ArrayBuffer(8));

/** 2^k for whole k in [-1022, 1023], by its exponent bits. */
function powerOfTwo(k: number): number {
  word.setUint32(0, (k + 1023) << 20);
  word.setUint32(4, 0);
  return word.getFloat64(0);
}

/** e^x. Below -708 the result is 0, above 709 Infinity: subnormal results are of no use to a softmax. */
export function exp(x: number): number {
  if (x < -708) return 0;
  if (x > 709) return Number.POSITIVE_INFINITY;
  if (Number.isNaN(x)) return x;
  const k = Math.round(x * LOG2_E);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low; // |r| <= ln 2 / 2, where 14 terms reach 2^-57
  let tail = INVERSE_FACTORIAL[13];
  for (let n = 12; n >= 2; n--) tail = tail * r + INVERSE_FACTORIAL[n];
  // 1 + (r + r²·tail), with the digits that `high - low` lost put back first.
  return (1 + (high - (low - r * r * tail))) * powerOfTwo(k);
}

/** Natural logarithm of a positive normal number; -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  word.setFloat64(0, x);
  let k = (word.getUint32(0) >>> 20) - 1023;
  word.setUint32(0, (word.getUint32(0) & 0xfffff) | 0x3ff00000);
  let m = word.getFloat64(0); // x = m · 2^k, moved to [√½, √2)
  if (m >= 1.4142135623730951) {
    m /= 2;
    k++;
  }
  // log m = 2 artanh(s), s = f / (2 + f): f - s·(f - R) keeps the digits of f (fdlibm's form of the series).
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s; // <= 0.0295, where 11 terms reach 2^-57
  let series = 0;
  for (let n = 23; n >= 3; n -= 2) series = (series + 2 / n) * z;
  const halfSquare = (f * f) / 2;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + series) + k * LN2_LOW) - f);
}

/** Sine and cosine of x, |x| below 2^20 (positions of RoPE reach 131,072). */
export function sinCos(x: number): { sin: number; cos: number } {
  if (!(Math.abs(x) < 2 ** 20)) throw new RangeError(`sinCos: expected |x| below 2^20, got ${x}`);
  const quarter = Math.round(x * TWO_OVER_PI);
  // r + rest = x - quarter · π/2, |r| <= π/4; what each subtraction rounds away is carried into the next.
  const head = x - quarter * HALF_PI_HIGH;
  const middle = quarter * HALF_PI_MIDDLE;
  const partial = head - middle;
  const low = quarter * HALF_PI_LOW - (head - partial - middle);
  const r = partial - low;
  const rest = partial - r - low;

  const z = r * r;
  let sinSeries = 0; // (sin r - r) / r³
  for (let n = 17; n >= 3; n -= 2) sinSeries = sinSeries * z + SIGNED_INVERSE_FACTORIAL[n];
  let cosSeries = 0; // (cos r - 1 + r²/2) / r⁴
  for (let n = 18; n >= 4; n -= 2) cosSeries = cosSeries * z + SIGNED_INVERSE_FACTORIAL[n];
  const sin = r + (r * z * sinSeries + rest);
  const half = z / 2;
  const one = 1 - half;
  const cos = one + (1 - one - half + (z * z * cosSeries - r * rest));
  switch (quarter & 3) {
    case 0:
      return { sin, cos };
    case 1:
      return { sin: cos, cos: -sin };
    case 2:
      return { sin: -sin, cos: -cos };
    default:
      return { sin: -cos, cos: sin };
  }
}

/** base^x for a positive base; the rounding of the logarithm is carried through, so up to |x · log base| ulp off. */
export function pow(base: number, x: number): number {
  return exp(x * log(base));
}
