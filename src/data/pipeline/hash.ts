// 64 bits of a text, the same on every machine: for choosing samples, meeting keys and finding ids again. Not for
// adversaries: whoever wants two texts with one hash can make them.

/** Two 32-bit numbers. */
export type Hash64 = readonly [low: number, high: number];

/** Two multiplicative lanes over the UTF-16 units, mixed at the end by the finaliser of MurmurHash3. */
export function hash64(text: string): Hash64 {
  let low = 0x2c1b3c6d;
  let high = 0x297a2d39;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
    low = (low << 13) | (low >>> 19);
    high = (high << 17) | (high >>> 15);
  }
  return [mix(low ^ text.length ^ Math.imul(high, 0x27d4eb2f)), mix(high ^ Math.imul(low, 0x165667b1))];
}

function mix(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
