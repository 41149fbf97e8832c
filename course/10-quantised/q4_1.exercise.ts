// Blocks of Q4_1. The blocks hold a negative minimum, a scale so small that float16 stores it without a leading one,
// and nibbles that all differ, so that every wrong order shows.

import { exercise, help } from '../exercise.ts';
import { randomNumbers } from '../random.ts';

/** One block: two float16 numbers as bits, then sixteen bytes. */
function block(d: number, m: number, seed: number): number[] {
  const number = randomNumbers(seed);
  const bytes = Array.from({ length: 16 }, () => Math.floor(128 * (number() + 1)));
  return [d & 255, d >> 8, m & 255, m >> 8, ...bytes];
}

const ONE = block(0x3c00, 0xc000, 61); // d 1, m −2
const REAL = block(0x2a22, 0xb540, 62); // d 0.0479, m −0.328: the size of a block of the 135M
const TINY = block(0x0155, 0x8200, 63); // both below the smallest normal float16
const POSITIVE = block(0x3555, 0x4248, 64); // d 0.333, m 3.14

export const q4_1 = exercise({
  name: 'q4_1',
  entry: 'decode',
  chapter: 10,
  folder: '10-quantised',
  title: 'Q4_1: 32 weights from 20 bytes',
  minutes: 20,
  importance: 2,
  cases: [
    { name: 'one block, d = 1 and m = −2', args: [Uint8Array.from(ONE)] as const },
    { name: 'a block of real size', args: [Uint8Array.from(REAL)] as const },
    { name: 'a positive minimum', args: [Uint8Array.from(POSITIVE)] as const },
    { name: 'a scale too small for a leading one', args: [Uint8Array.from(TINY)] as const },
    { name: 'three blocks', args: [Uint8Array.from([...REAL, ...POSITIVE, ...ONE])] as const },
  ],
  truth: (bytes: Uint8Array) => decoded(() => false, bytes),
  variant: (has) => (bytes: Uint8Array) => decoded(has as (mistake: string) => boolean, bytes),
  mistakes: {
    'minimum-inside': help(
      'is m multiplied too?',
      'yours: d · (q + m). Meant: d · q + m.',
      'd * (q + m)',
      'd * q + m',
    ),
    interleaved: help(
      'which two weights share a byte?',
      'yours: 2i and 2i + 1. Meant: i and i + 16.',
      'out[2 * i], out[2 * i + 1]',
      'out[i], out[i + 16]',
    ),
    'high-first': help(
      'which half of a byte comes first?',
      'yours: the high four bits are weight i. Meant: the low four.',
      'out[i] = byte >> 4',
      'out[i] = byte & 15',
    ),
    'minus-eight': help(
      'look at q.',
      'yours: (q − 8), as in Q4_0. Meant: q, from 0 to 15.',
      'd * (q - 8) + m',
      'd * q + m',
    ),
    'no-minimum': help(
      'one of the two numbers is not used.',
      'yours: d · q. Meant: d · q + m.',
      'd * q',
      'd * q + m',
    ),
    'minus-minimum': help(
      'look at the sign of m.',
      'yours: d · q − m, as in Q4_K. Meant: d · q + m.',
      'd * q - m',
      'd * q + m',
    ),
    'm-before-d': help(
      'which of the two comes first?',
      'yours: m, then d. Meant: d in bytes 0 and 1, m in bytes 2 and 3.',
      'm = half(0), d = half(2)',
      'd = half(0), m = half(2)',
    ),
    'big-endian': help(
      'which byte of a float16 comes first?',
      'yours: the high one. Meant: the low one.',
      '(bytes[0] << 8) | bytes[1]',
      'bytes[0] | (bytes[1] << 8)',
    ),
    flushed: help(
      'what if the exponent bits are all zero?',
      'yours: 0. Meant: fraction · 2^−24; such small numbers have no leading one.',
      'exponent === 0 ? 0',
      'exponent === 0 ? fraction * 2 ** -24',
    ),
    'leading-one-always': help(
      'what if the exponent bits are all zero?',
      'yours: (1 + fraction / 1024) · 2^−15. Meant: fraction · 2^−24.',
      '1 + fraction / 1024',
      'exponent === 0 ? fraction * 2 ** -24 : …',
    ),
    'no-sign': help(
      'may m be negative?',
      'yours: the sign bit is ignored. Meant: bit 15 is the sign.',
      'magnitude',
      'bits & 0x8000 ? -magnitude : magnitude',
    ),
    'bias-sixteen': help(
      'look at the exponent.',
      'yours: 2^(exponent − 16). Meant: 2^(exponent − 15).',
      'exponent - 16',
      'exponent - 15',
    ),
    bfloat: help(
      'which 16-bit number is it?',
      'yours: bfloat16, the upper half of a float32. Meant: float16, with 5 bits of exponent and 10 of fraction.',
      'bits << 16 as float32',
      'sign, 5 bits, 10 bits',
    ),
    'first-block-only': help(
      'how many blocks are there?',
      'yours: one. Meant: one for every 20 bytes.',
      '32 numbers',
      '(bytes.length / 20) * 32 numbers',
    ),
    'block-of-18': help(
      'how long is a block?',
      'yours: reads the next block after 18 bytes, as in Q4_0. Meant: after 20.',
      'at += 18',
      'at += 20',
    ),
    'm-of-first-block': help(
      'every block has its own two numbers.',
      'yours: d and m of the first block for all. Meant: of each.',
      'half(0), half(2)',
      'half(at), half(at + 2)',
    ),
  },
  why: [
    'A block pays 4 bytes for its two numbers and 16 for 32 weights: 5 bits a weight.',
    'Weights i and i + 16 share a byte, so that one shift of a whole register unpacks sixteen at once.',
  ],
});

function decoded(has: (mistake: string) => boolean, bytes: Uint8Array): Float64Array {
  const numBlocks = has('first-block-only') ? 1 : bytes.length / 20;
  const out = new Float64Array(numBlocks * 32);
  const half = (at: number): number => {
    const bits = has('big-endian') ? (bytes[at] << 8) | bytes[at + 1] : bytes[at] | (bytes[at + 1] << 8);
    if (has('bfloat')) return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const bias = has('bias-sixteen') ? 16 : 15;
    let magnitude = (1 + fraction / 1024) * 2 ** (exponent - bias);
    if (exponent === 0 && !has('leading-one-always'))
      magnitude = has('flushed') ? 0 : (fraction / 1024) * 2 ** (1 - bias);
    return bits & 0x8000 && !has('no-sign') ? -magnitude : magnitude;
  };
  for (let b = 0; b < numBlocks; b++) {
    const at = b * (has('block-of-18') ? 18 : 20);
    const numbers = has('m-of-first-block') ? 0 : at;
    const [d, m] = has('m-before-d')
      ? [half(numbers + 2), half(numbers)]
      : [half(numbers), half(numbers + 2)];
    const value = (q: number) => {
      const level = has('minus-eight') ? q - 8 : q;
      if (has('minimum-inside')) return d * (level + m);
      return d * level + (has('no-minimum') ? 0 : has('minus-minimum') ? -m : m);
    };
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + 4 + i];
      const [low, high] = has('high-first') ? [byte >> 4, byte & 15] : [byte & 15, byte >> 4];
      out[b * 32 + (has('interleaved') ? 2 * i : i)] = value(low);
      out[b * 32 + (has('interleaved') ? 2 * i + 1 : i + 16)] = value(high);
    }
  }
  return out;
}
