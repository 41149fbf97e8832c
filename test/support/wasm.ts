// Engines and tensors for the tests of kernels. The kernels come from dist/wasm, which the global set-up has built.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { byteLength, DTYPES, type DType } from '../../src/base/dtype.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import type { ModelConfig } from '../../src/config.ts';
import { WasmEngine } from '../../src/wasm/engine.ts';
import type { Kernels } from '../../src/wasm/kernels.ts';
import type { CacheType, Precision } from '../../src/wasm/options.ts';
import type { Build } from '../../src/wasm/platform.ts';

/** `debug`: strict, with asserts (assembly/checks.ts). */
export type TestedBuild = Build | 'debug';

/** Bytes of a build of the kernels. */
export function kernelBytes(build: TestedBuild): Uint8Array<ArrayBuffer> {
  const path = build === 'debug' ? 'debug/kernels' : `wasm/${build}`;
  return new Uint8Array(readFileSync(new URL(`../../dist/${path}.wasm`, import.meta.url)));
}

const modules = new Map<TestedBuild, WebAssembly.Module>();

/** An engine alone in its memory, by default on the kernels with asserts. */

export function wasmEngine(
  options: {
    precision?: Precision;
    cacheType?: CacheType;
    maximum?: number;
    headDim?: number;
    build?: TestedBuild;
  } = {},
): WasmEngine {
  const { precision = 'fast', cacheType = 'f32', maximum = 65536, headDim = 64, build = 'debug' } = options;
  const module = modules.get(build) ?? new WebAssembly.Module(kernelBytes(build));
  modules.set(build, module);
  const memory = new WebAssembly.Memory({ initial: 20, maximum });
  return new WasmEngine({ module, memory, precision, cacheType, headDim });
}

/** Numbers in [-1, 1) that are the same in every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

export function randomF32(length: number, seed: number, scale = 1): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => next() * scale);
}

/** Bytes in the file's own encoding as a matrix of a checkpoint. */
export function matrixTensor(dtype: DType, outSize: number, inSize: number, bytes: Uint8Array): Tensor {
  const rowBytes = byteLength(dtype, inSize);
  return {
    name: `${dtype} [${outSize}, ${inSize}]`,
    dtype,
    shape: [outSize, inSize],
    byteLength: rowBytes * outSize,
    readRows: async (begin, end) => bytes.slice(begin * rowBytes, end * rowBytes),
  };
}

/** A matrix of random blocks whose values are about 0.1: any bits are good except those of the float16 scales. */
export function randomMatrix(dtype: DType, outSize: number, inSize: number, seed: number): Uint8Array {
  const { blockBytes, blockSize } = DTYPES[dtype];
  const next = randomNumbers(seed);
  const bytes = Uint8Array.from({ length: byteLength(dtype, outSize * inSize) }, () => (next() + 1) * 128);
  const view = new DataView(bytes.buffer);
  const numBlocks = (outSize * inSize) / blockSize;
  // 0.002 to 0.008; an eighth of that for numbers of 6 to 8 bits.
  const least = /Q8_0|Q6_K|IQ4_NL/.test(dtype) ? 0x0c00 : 0x1800;
  const half = () => least + Math.floor((next() + 1) * 0x200);
  for (let b = 0; b < numBlocks; b++) {
    for (const at of HALVES[dtype] ?? []) {
      const sign = SIGNED_MINIMUM.has(dtype) && at > 0 ? 0x8000 : 0;
      view.setUint16(b * blockBytes + at, half() | sign, true);
    }
    if (dtype === 'F32') view.setFloat32(4 * b, next() * 0.1, true);
    if (dtype === 'F16') view.setUint16(2 * b, half() + 0x1000, true);
    if (dtype === 'BF16') view.setUint16(2 * b, 0x3d00 + Math.floor(next() * 0x80), true);
    if (dtype === 'F64') view.setFloat64(8 * b, next() * 0.1, true);
  }
  return bytes;
}

/** Offsets of the float16 scales of a block. */
const HALVES: Partial<Record<DType, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  IQ4_NL: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};
const SIGNED_MINIMUM: ReadonlySet<DType> = new Set(['Q4_1', 'Q5_1']);

/** sha256 of the bits of float32 numbers: equal where every one is. */
export function bitsOf(...arrays: readonly ArrayLike<number>[]): string {
  const hash = createHash('sha256');
  for (const values of arrays) hash.update(new Uint8Array(Float32Array.from(values).buffer));
  return hash.digest('hex');
}

/** A small model's shape for caches and rotations. */
export function shapeOf(numHeads: number, numKvHeads: number, headDim: number, numLayers = 2): ModelConfig {
  return {
    vocabSize: 64,
    hiddenSize: numHeads * headDim,
    intermediateSize: 2 * numHeads * headDim,
    numLayers,
    numHeads,
    numKvHeads,
    headDim,
    maxSeqLen: 1024,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    qkvBias: false,
    tiedEmbeddings: true,
    eosIds: [],
  };
}

/** What an engine keeps to itself and tests look at: its kernels, and the pages of its caches. */
interface Insides {
  readonly kernels: Kernels;
  readonly pages: {
    readonly caches: ReadonlyMap<number, { readonly pageBytes: number; readonly ptrs: readonly number[] }>;
  };
}

export function kernelsOf(engine: WasmEngine): Kernels {
  return (engine as unknown as Insides).kernels;
}

export function pagesOf(engine: WasmEngine): { ptr: number; bytes: number }[] {
  const { caches } = (engine as unknown as Insides).pages;
  return [...caches.values()].flatMap(({ ptrs, pageBytes }) =>
    ptrs.map((ptr) => ({ ptr, bytes: pageBytes })),
  );
}
