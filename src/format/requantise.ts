// A tensor in another number format, piece by piece, with the error that costs; and which format each tensor of a
// model gets. The file around it is gguf-write.ts; `smollm2 quantize` joins the two.

import { byteLength, DTYPES, type DType } from '../base/dtype.ts';
import { FormatError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { decodeBlocks } from '../quant/decode.ts';
import { type EncodableDType, encodeBlocks } from '../quant/encode.ts';
import type { GgufTensorToWrite } from './gguf-write.ts';

/** How far the encoded values lie from those of the source. */
export interface QuantisationError {
  /** Largest |encoded - source|. */
  readonly max: number;
  /** Root of the mean square of encoded - source. */
  readonly rms: number;
  /** `rms` over the root mean square of the source; 0 for a source of zeros. */
  readonly relative: number;
}

export interface TensorReport {
  /** GGUF name. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly from: DType;
  readonly to: DType;
  readonly bytes: number;
  readonly error: QuantisationError;
}

/**
 * The format of a tensor in a file whose matrices are asked to be `type`.
 *
 * Vectors stay F32, as llama.cpp wants them. With 4-bit types the matrix of the logits (`output.weight`, or the
 * embedding where the two are one) gets Q8_0: the shipped SmolLM2 files have it, because llama-quantize takes Q6_K
 * there and falls back to Q8_0 where rows are no multiple of 256 (576 is none). Rows that are no multiple of 32 get
 * F16, as there.
 *
 * @param name    GGUF name
 * @param isTied  the file has no `output.weight`
 */
export function targetType(
  name: string,
  shape: readonly number[],
  type: EncodableDType,
  isTied: boolean,
): EncodableDType {
  if (shape.length < 2) return 'F32';
  const is4Bit = type === 'Q4_0' || type === 'Q4_1';
  const isHead = name === (isTied ? 'token_embd.weight' : 'output.weight');
  const wanted = is4Bit && isHead ? 'Q8_0' : type;
  return shape[shape.length - 1] % DTYPES[wanted].blockSize === 0 ? wanted : 'F16';
}

/** Values that are decoded at once: 1 MiB as float32. */
const PIECE_VALUES = 2 ** 18;

/**
 * The tensor as it goes into a GGUF file. A tensor that has the format already is copied as it is.
 *
 * @param tensor   rows in the order of the file to write, under its GGUF name
 * @param onReport called when the last piece has been taken
 */
export function requantised(
  tensor: Tensor,
  to: EncodableDType,
  onReport: (report: TensorReport) => void,
): GgufTensorToWrite {
  const { name, shape, dtype: from } = tensor;
  const rowSize = shape[shape.length - 1];
  const numRows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const rowsPerPiece = Math.max(1, Math.floor(PIECE_VALUES / rowSize));
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const error = new ErrorSum();
    for (let begin = 0; begin < numRows; begin += rowsPerPiece) {
      const end = Math.min(begin + rowsPerPiece, numRows);
      const bytes = await tensor.readRows(begin, end);
      yield from === to ? bytes : reencode(tensor, bytes, to, (end - begin) * rowSize, error);
    }
    const bytes = byteLength(to, numRows * rowSize);
    onReport({ name, shape, from, to, bytes, error: error.result() });
  }
  return { name, dtype: to, shape, pieces };
}

function reencode(
  tensor: Tensor,
  bytes: Uint8Array,
  to: EncodableDType,
  count: number,
  error: ErrorSum,
): Uint8Array {
  const values = new Float32Array(count);
  decodeBlocks(tensor.dtype, bytes, 0, values, 0, count);
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new FormatError(`expected finite values, got ${values[wrong]}`, {
      file: 'weights',
      field: tensor.name,
    });
  }
  const encoded = new Uint8Array(byteLength(to, count));
  encodeBlocks(to, values, encoded, 0);
  const back = new Float32Array(count);
  decodeBlocks(to, encoded, 0, back, 0, count);
  error.add(values, back);
  return encoded;
}

class ErrorSum {
  private max = 0;
  private squares = 0;
  private sourceSquares = 0;
  private count = 0;

  add(source: Float32Array, encoded: Float32Array): void {
    for (let i = 0; i < source.length; i++) {
      const difference = encoded[i] - source[i];
      this.squares += difference * difference;
      this.sourceSquares += source[i] * source[i];
      if (Math.abs(difference) > this.max) this.max = Math.abs(difference);
    }
    this.count += source.length;
  }

  /** Without any `add` the tensor was copied, and nothing was lost. */
  result(): QuantisationError {
    const relative = this.squares === 0 ? 0 : Math.sqrt(this.squares / this.sourceSquares);
    return { max: this.max, rms: this.count === 0 ? 0 : Math.sqrt(this.squares / this.count), relative };
  }
}
