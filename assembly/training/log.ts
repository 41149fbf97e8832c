// Natural logarithm in float64, the same bits as `log` of src/base/math.ts.

const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;

/** log x of a positive normal number. */
export function log(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let k = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000); // x = m · 2^k, moved to [√½, √2)
  if (m >= 1.4142135623730951) {
    m /= 2;
    k++;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  let series: f64 = 0;
  for (let n = 23; n >= 3; n -= 2) series = (series + 2.0 / <f64>n) * z;
  const halfSquare = (f * f) / 2;
  return <f64>k * LN2_HIGH - (halfSquare - (s * (halfSquare + series) + <f64>k * LN2_LOW) - f);
}
