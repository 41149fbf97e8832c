// A tensor of a checkpoint as the readers hand it to an engine: described at once, read when asked for.

import type { DType } from './dtype.ts';

/** One named tensor in a file: rows of numbers in the file's own encoding. */
export interface Tensor {
  /** HuggingFace name, such as `model.layers.0.self_attn.q_proj.weight`, whatever the file format. */
  readonly name: string;
  readonly dtype: DType;
  /** Row-major, last axis contiguous: `[outSize, inSize]` for a matrix, `[size]` for a vector. */
  readonly shape: readonly number[];
  /** Bytes of the whole tensor in the file. */
  readonly byteLength: number;
  /**
   * Bytes of rows [begin, end) as stored; rows of query and key projections are in HuggingFace's order
   * (halves), whatever the file's. A vector is one row.
   */
  readRows(begin: number, end: number): Promise<Uint8Array>;
}
