// From float32 numbers to the bytes of a tensor, for the formats that `smollm2 quantize` writes. Blocks are
// equal to those of ggml's reference quantisers; how a block is filled is told in its family's file.

import { DTYPES, type DType } from '../base/dtype.ts';
import { encodeBf16, encodeF16, encodeF32 } from './plain.ts';
import { encodeQ4_0 } from './q4_0.ts';
import { encodeQ4_1 } from './q4_1.ts';
import { encodeQ8_0 } from './q8_0.ts';

const ENCODERS = {
  F32: encodeF32,
  F16: encodeF16,
  BF16: encodeBf16,
  Q4_0: encodeQ4_0,
  Q4_1: encodeQ4_1,
  Q8_0: encodeQ8_0,
} satisfies Partial<Record<DType, (values: Float32Array, bytes: Uint8Array, at: number) => void>>;

/** Formats that encodeBlocks knows. */
export type EncodableDType = keyof typeof ENCODERS;

/**
 * Encodes values as blocks.
 *
 * @param values    [a whole number of blocks], finite for the block formats
 * @param out       gets byteLength(dtype, values.length) bytes from `outOffset` on
 * @throws RangeError when values are no whole number of blocks, or more than out has room for
 */
export function encodeBlocks(
  dtype: EncodableDType,
  values: Float32Array,
  out: Uint8Array,
  outOffset: number,
): void {
  const { blockSize, blockBytes } = DTYPES[dtype];
  const room = out.length - outOffset;
  if (values.length % blockSize !== 0 || (values.length / blockSize) * blockBytes > room) {
    throw new RangeError(
      `values: expected a multiple of ${blockSize} that fits ${room} bytes, got ${values.length}`,
    );
  }
  ENCODERS[dtype](values, out, outOffset);
}
