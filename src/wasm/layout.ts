// The numbers that kernels and TypeScript agree on: packings, pages, sizes of scratch. Records are in records.ts.

import type { DType } from '../base/dtype.ts';
import type { CacheType } from './options.ts';

/** Packings of a weight matrix: which kernel, columns per scale (0: dense), bytes of 8 rows × one block of columns. */
export interface Packing {
  readonly kind: number;
  readonly blockSize: number;
  /** How activations are prepared for it: 4-bit weights take bytes in the relaxed build, the rest goes by blocks. */
  readonly form: number;
  /** Bytes of 8 rows of one block; of one column where dense. */
  readonly recordBytes: number;
}

const Q4_PLAIN: Packing = { kind: 0, blockSize: 32, form: 1, recordBytes: 144 };
const Q4: Packing = { kind: 1, blockSize: 32, form: 1, recordBytes: 160 };
const Q4_WIDE: Packing = { kind: 2, blockSize: 32, form: 1, recordBytes: 192 };
const Q8: Packing = { kind: 3, blockSize: 32, form: 32, recordBytes: 272 };
const Q8_WIDE: Packing = { kind: 4, blockSize: 16, form: 16, recordBytes: 192 };
const F32: Packing = { kind: 5, blockSize: 0, form: 0, recordBytes: 32 };
const F16: Packing = { kind: 6, blockSize: 0, form: 0, recordBytes: 16 };
const BF16: Packing = { kind: 7, blockSize: 0, form: 0, recordBytes: 16 };

/** Number of a file type in assembly/pack.ts, and the packing that holds it without loss. */
export const PACKINGS: Readonly<Record<DType, { readonly code: number; readonly packing: Packing }>> = {
  F64: { code: 0, packing: F32 }, // narrowed to float32 first
  F32: { code: 0, packing: F32 },
  F16: { code: 1, packing: F16 },
  BF16: { code: 2, packing: BF16 },
  Q4_0: { code: 3, packing: Q4_PLAIN },
  Q4_1: { code: 4, packing: Q4 },
  Q5_0: { code: 5, packing: Q8 },
  Q5_1: { code: 6, packing: Q8_WIDE },
  Q8_0: { code: 7, packing: Q8 },
  IQ4_NL: { code: 8, packing: Q8 },
  Q2_K: { code: 9, packing: Q8_WIDE },
  Q3_K: { code: 10, packing: Q8_WIDE },
  Q4_K: { code: 11, packing: Q4_WIDE },
  Q5_K: { code: 12, packing: Q8_WIDE },
  Q6_K: { code: 13, packing: Q8_WIDE },
};

/** Weight rows that are packed side by side. */
export const GROUP_ROWS = 8;

/** Bytes of one packed group of rows. */
export function groupBytes(packing: Packing, inSize: number): number {
  return packing.blockSize === 0
    ? inSize * packing.recordBytes
    : (inSize / packing.blockSize) * packing.recordBytes;
}

/** Bytes of a packed matrix. */
export function matrixBytes(dtype: DType, outSize: number, inSize: number): number {
  return Math.ceil(outSize / GROUP_ROWS) * groupBytes(PACKINGS[dtype].packing, inSize);
}

/** Positions of a page of the cache, and of a part of attention's sums (assembly/cache.ts). */
export const PAGE = 128;

/** Most rows of one call of a kernel; longer runs are cut (places, ids and quantised rows are made for this many). */
export const MAX_ROWS = 128;

/** Rows of one tile of attention, and rows of a pass that share a long context part by part (assembly/attend.ts). */
export const ATTEND_ROWS = 8;

const CACHE_KINDS: Readonly<Record<CacheType, { kind: number; valueBytes: number }>> = {
  f32: { kind: 5, valueBytes: 4 },
  f16: { kind: 9, valueBytes: 2 },
  q8: { kind: 8, valueBytes: 1 },
};

export interface CacheShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** Offsets and sizes of a page (drawn in assembly/cache.ts). */
export interface CacheLayout {
  readonly kind: number;
  readonly valueOffset: number;
  readonly headBytes: number;
  readonly layerBytes: number;
  readonly pageBytes: number;
}

export function cacheLayout(shape: CacheShape, type: CacheType): CacheLayout {
  const { kind, valueBytes } = CACHE_KINDS[type];
  const slices = Math.ceil(shape.headDim / 8);
  const valueOffset = align(PAGE * shape.headDim * valueBytes);
  const scaleBytes = type === 'q8' ? 2 * PAGE * 4 : 0;
  const headBytes = valueOffset + align(slices * PAGE * 8 * valueBytes) + scaleBytes;
  const layerBytes = headBytes * shape.numKvHeads;
  return { kind, valueOffset, headBytes, layerBytes, pageBytes: layerBytes * shape.numLayers };
}

/** Linear memory grows by pages of this many bytes. */
export const WASM_PAGE = 65536;

/** Addresses handed out are multiples of a cache line, so that workers never write to one line by accident. */
export const LINE = 64;

export function align(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE;
}

/** Most workers of a team. */
export const MAX_WORKERS = 64;

/** Control block of a team (assembly/team.ts): a cache line for each word, and one for each worker's share. */
export const CONTROL_BYTES = (3 + MAX_WORKERS) * LINE;

/** What the scratch of workers is sized by: the largest that any matrix or cache asks for. */
export interface ScratchNeeds {
  readonly inSize: number;
  /** Bytes of queries, scores and parts of one tile of attention. */
  readonly attentionBytes: number;
  /** Bytes of the parts of a few rows over a whole context. */
  readonly partsBytes: number;
}

export const NO_NEEDS: ScratchNeeds = { inSize: 0, attentionBytes: 0, partsBytes: 0 };

export function attentionNeeds(shape: CacheShape, maxSeqLen: number): Omit<ScratchNeeds, 'inSize'> {
  const { numHeads, numKvHeads, headDim } = shape;
  const numParts = Math.ceil(maxSeqLen / PAGE);
  const partBytes = Math.ceil(headDim / 8) * 32 + 32;
  const numQueries = ATTEND_ROWS * (numHeads / numKvHeads);
  return {
    attentionBytes: numQueries * (headDim * 4 + PAGE * 4 + numParts * partBytes),
    partsBytes: ATTEND_ROWS * numHeads * numParts * partBytes,
  };
}

/** Private scratch of one worker, by name, in the order of the record; see assembly/memory.ts. */
export function privateSizes(needs: ScratchNeeds) {
  const { inSize, attentionBytes } = needs;
  return {
    normedRow: inSize * 4,
    rowInts: inSize * 4,
    rowScales: inSize * 2,
    panels: 2 * panelBytes(needs),
    tile: 1024,
    attention: attentionBytes,
    places: MAX_ROWS * 8,
    input: 64,
    ids: MAX_ROWS * 4,
  };
}

/** One unpacked group: per block of 16 columns 64 bytes of scales and 256 of pairs (blocks of 32 take less). */
export function panelBytes(needs: ScratchNeeds): number {
  return align((needs.inSize / 16) * (64 + 256));
}

/** Scratch that a team shares, by name, for runs of `maxRows` rows. */
export function sharedSizes(needs: ScratchNeeds, maxRows: number) {
  const { inSize, partsBytes } = needs;
  return {
    ints: maxRows * inSize * 4,
    scales: maxRows * inSize,
    normed: maxRows * inSize * 4,
    parts: partsBytes,
  };
}
