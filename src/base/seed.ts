// One seed for each purpose: (seed, "init", tensor name), (seed, "order", epoch). Streams that are drawn for
// different things never share a generator, so what one draws does not move the other.

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** FNV-1a, 64 bits, of the seed and the words of the purpose in UTF-8, with a zero byte behind each. */
export function seedFor(seed: number, ...purpose: readonly string[]): bigint {
  let hash = FNV_OFFSET;
  for (const word of [String(seed), ...purpose]) {
    for (const byte of new TextEncoder().encode(`${word}\0`)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
    }
  }
  return hash;
}
