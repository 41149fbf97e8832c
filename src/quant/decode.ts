// From the bytes of a tensor to numbers, for every format that the readers know. The layout of each family
// is drawn in its own file. All formulas are computed so that a value is rounded once, when it is stored as
// float32: products of a half and small integers are exact in a float64, and so are their sums.

import { DTYPES, type DType } from '../base/dtype.ts';
import { decodeIq4Nl } from './iq4_nl.ts';
import { decodeBf16, decodeF16, decodeF32, decodeF64 } from './plain.ts';
import { decodeQ2_K } from './q2_k.ts';
import { decodeQ3_K } from './q3_k.ts';
import { decodeQ4_0 } from './q4_0.ts';
import { decodeQ4_1 } from './q4_1.ts';
import { decodeQ4_K, decodeQ5_K } from './q4_k.ts';
import { decodeQ5_0, decodeQ5_1 } from './q5.ts';
import { decodeQ6_K } from './q6_k.ts';
import { decodeQ8_0 } from './q8_0.ts';

type BlockDecoder = (
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  outOffset: number,
  numBlocks: number,
) => void;

const DECODERS: Record<DType, BlockDecoder> = {
  F64: decodeF64,
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBf16,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q8_0: decodeQ8_0,
  IQ4_NL: decodeIq4Nl,
  Q2_K: decodeQ2_K,
  Q3_K: decodeQ3_K,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
};

/**
 * Decodes `count` values, bit-equal to ggml's dequantisers (F64 is rounded to float32).
 *
 * @param bytes      encoded blocks
 * @param byteOffset where the first block begins
 * @param out        gets the values from `outOffset` on
 * @param count      values; a whole number of blocks
 * @throws RangeError when count is no whole number of blocks, or more than bytes or out have room for
 */
export function decodeBlocks(
  dtype: DType,
  bytes: Uint8Array,
  byteOffset: number,
  out: Float32Array,
  outOffset: number,
  count: number,
): void {
  checkRoom(dtype, bytes, byteOffset, out.length - outOffset, count);
  DECODERS[dtype](bytes, byteOffset, out, outOffset, count / DTYPES[dtype].blockSize);
}

/** Values that pass through `piece` at once; a whole number of blocks of every format. */
const PIECE_SIZE = 4096;
const piece = new Float32Array(PIECE_SIZE);

/** As decodeBlocks, widened to float64 without loss; F64 stays exact. */
export function decodeToF64(
  dtype: DType,
  bytes: Uint8Array,
  byteOffset: number,
  out: Float64Array,
  outOffset: number,
  count: number,
): void {
  checkRoom(dtype, bytes, byteOffset, out.length - outOffset, count);
  if (dtype === 'F64') {
    decodeF64(bytes, byteOffset, out, outOffset, count);
    return;
  }
  const { blockSize, blockBytes } = DTYPES[dtype];
  const decode = DECODERS[dtype];
  for (let begin = 0; begin < count; begin += PIECE_SIZE) {
    const size = Math.min(PIECE_SIZE, count - begin);
    decode(bytes, byteOffset + (begin / blockSize) * blockBytes, piece, 0, size / blockSize);
    for (let i = 0; i < size; i++) out[outOffset + begin + i] = piece[i];
  }
}

function checkRoom(dtype: DType, bytes: Uint8Array, byteOffset: number, room: number, count: number): void {
  const { blockSize, blockBytes } = DTYPES[dtype];
  const fits = count % blockSize === 0 && (count / blockSize) * blockBytes <= bytes.length - byteOffset;
  if (!(count >= 0 && fits && count <= room)) {
    throw new RangeError(
      `count: expected a multiple of ${blockSize} with ${blockBytes} bytes each at ${byteOffset} of ` +
        `${bytes.length} bytes and room for ${room} values, got ${count}`,
    );
  }
}
