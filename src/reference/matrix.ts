// Weights as the file has them, widened to float64 one row at a time: a float64 copy of all weights is never made.

import { byteLength, type DType } from '../base/dtype.ts';
import type { Matrix } from '../ops.ts';
import { decodeToF64 } from '../quant/decode.ts';

export interface ReferenceMatrix extends Matrix {
  readonly dtype: DType;
  /** [outSize, inSize] in the encoding of `dtype`. */
  readonly bytes: Uint8Array;
}

/** row [inSize] = row `o` of the matrix; exact, since float64 holds every value of every format. */
export function readRow(row: Float64Array, matrix: ReferenceMatrix, o: number): void {
  const rowBytes = byteLength(matrix.dtype, matrix.inSize);
  decodeToF64(matrix.dtype, matrix.bytes, o * rowBytes, row, 0, matrix.inSize);
}
