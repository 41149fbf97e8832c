/**
 * Blocks of 20 bytes to 32 numbers each:
 *
 *     bytes 0, 1   d, a float16, low byte first
 *     bytes 2, 3   m, likewise
 *     bytes 4 … 19 byte 4 + i holds q[i] in its low four bits and q[i + 16] in its high four
 *
 *     number i = d · q[i] + m
 *
 * A float16 is a sign bit, five bits of exponent e and ten of fraction f: (1 + f / 1024) · 2^(e − 15), or f · 2^−24
 * where e is 0 (e = 31, infinity, does not occur).
 *
 * @returns 32 numbers for every 20 bytes
 */
export function decode(bytes: Uint8Array): Float64Array {
  throw new Error(`todo: ${bytes.length / 20} blocks`);
}
