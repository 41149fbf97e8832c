// A tensor that lies in one piece in a source: rows are byte ranges.

import type { DType } from '../base/dtype.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Source } from './source.ts';

/** Where a tensor lies, in bytes. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: DType;
  /** Row-major. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly byteLength: number;
}

/** The tensor of that place. Row ranges outside of it are a RangeError. */
export function rowTensor(source: Source, place: TensorPlace): Tensor {
  const { name, dtype, shape, offset, byteLength } = place;
  const numRows = shape.length < 2 ? 1 : shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const rowBytes = byteLength / numRows;
  return {
    name,
    dtype,
    shape,
    byteLength,
    readRows: async (begin, end) => {
      if (
        !(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= numRows)
      ) {
        throw new RangeError(
          `rows of ${name}: expected a range within 0 to ${numRows}, got ${begin} to ${end}`,
        );
      }
      return source.read(offset + begin * rowBytes, (end - begin) * rowBytes);
    },
  };
}
