// Number formats of weights: how many values make a block and how many bytes a block takes.
// What the bits of a block mean is in src/quant. Names are those of GGUF and safetensors.

/** Values and bytes of one block; plain formats are blocks of one value. */
export const DTYPES = {
  F64: { blockSize: 1, blockBytes: 8 },
  F32: { blockSize: 1, blockBytes: 4 },
  F16: { blockSize: 1, blockBytes: 2 },
  BF16: { blockSize: 1, blockBytes: 2 },
  Q4_0: { blockSize: 32, blockBytes: 18 },
  Q4_1: { blockSize: 32, blockBytes: 20 },
  Q5_0: { blockSize: 32, blockBytes: 22 },
  Q5_1: { blockSize: 32, blockBytes: 24 },
  Q8_0: { blockSize: 32, blockBytes: 34 },
  IQ4_NL: { blockSize: 32, blockBytes: 18 },
  Q2_K: { blockSize: 256, blockBytes: 84 },
  Q3_K: { blockSize: 256, blockBytes: 110 },
  Q4_K: { blockSize: 256, blockBytes: 144 },
  Q5_K: { blockSize: 256, blockBytes: 176 },
  Q6_K: { blockSize: 256, blockBytes: 210 },
} as const;

export type DType = keyof typeof DTYPES;

/** Bytes that `count` values take; `count` must be a whole number of blocks. */
export function byteLength(dtype: DType, count: number): number {
  const { blockSize, blockBytes } = DTYPES[dtype];
  return (count / blockSize) * blockBytes;
}
