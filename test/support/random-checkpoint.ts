// A whole model of random numbers in any file type: seeded, small, and with every shape of the real thing.

import { DTYPES, type DType } from '../../src/base/dtype.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import type { ModelConfig } from '../../src/config.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { expectedTensors } from '../../src/format/expected.ts';
import { matrixTensor, randomF32, randomMatrix } from './wasm.ts';

/** 2 layers, 9 heads of 64 on 3, as the 135M, with small sizes elsewhere: quantised types need columns in 32s. */
export const SMALL_CONFIG: ModelConfig = {
  vocabSize: 83,
  hiddenSize: 128,
  intermediateSize: 160,
  numLayers: 2,
  numHeads: 9,
  numKvHeads: 3,
  headDim: 64,
  maxSeqLen: 512,
  rmsNormEps: 1e-5,
  ropeTheta: 100_000,
  qkvBias: true,
  tiedEmbeddings: true,
  eosIds: [2],
};

/** Heads of 10 and sizes that are no multiple of anything: only dense types, and fused operations fall back. */
export const ODD_CONFIG: ModelConfig = {
  ...SMALL_CONFIG,
  vocabSize: 61,
  hiddenSize: 35,
  intermediateSize: 53,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 10,
  tiedEmbeddings: false,
};

export function randomCheckpoint(config: ModelConfig, dtypeOf: (name: string) => DType): Checkpoint {
  const tensors = new Map<string, Tensor>();
  let seed = 1;
  for (const [name, shape] of expectedTensors(config)) {
    seed++;
    if (shape.length === 1) {
      const values = randomF32(shape[0], seed, 0.5).map((value) => value + (name.endsWith('bias') ? 0 : 1));
      const bytes = new Uint8Array(values.buffer);
      tensors.set(name, { ...matrixTensor('F32', 1, shape[0], bytes), name, shape });
    } else {
      const dtype = shape[1] % DTYPES[dtypeOf(name)].blockSize === 0 ? dtypeOf(name) : 'F32';
      const bytes = randomMatrix(dtype, shape[0], shape[1], seed);
      tensors.set(name, { ...matrixTensor(dtype, shape[0], shape[1], bytes), name });
    }
  }
  return { name: 'random', format: 'gguf', config, tensors, metadata: {}, close: async () => {} };
}
