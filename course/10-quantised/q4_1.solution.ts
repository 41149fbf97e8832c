export function decode(bytes: Uint8Array): Float64Array {
  const out = new Float64Array((bytes.length / 20) * 32);
  for (let at = 0, to = 0; at < bytes.length; at += 20, to += 32) {
    const d = float16(bytes[at] | (bytes[at + 1] << 8));
    const m = float16(bytes[at + 2] | (bytes[at + 3] << 8));
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 4 + i];
      out[to + i] = d * (pair & 15) + m;
      out[to + i + 16] = d * (pair >> 4) + m;
    }
  }
  return out;
}

function float16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
