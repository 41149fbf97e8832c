// What kernels find in linear memory: small records that src/wasm writes and kernels read. Field order is the
// contract with src/wasm/records.ts. Nothing here is allocated by a kernel.

/** One member of the team: where its private scratch is and whom it works with. Private scratch is never shared. */
@unmanaged
export class Worker {
  numWorkers: i32;
  index: i32;
  /** Team control block, see team.ts. */
  control: usize;
  /** Polls before a worker that waits goes to sleep. */
  spin: i32;
  /** 0: one int16 per activation; 1: two, and sums between blocks in float64. */
  precise: i32;
  /** [inSize] f32, one normalised row. */
  normedRow: usize;
  /** Quantised row, and its scales (see quantise.ts). */
  rowInts: usize;
  rowScales: usize;
  /** Two unpacked groups of weight rows (see tile.ts). */
  panels: usize;
  panelBytes: i32;
  /** 1 KB for one tile of results and its float64 sums. */
  tile: usize;
  /** Queries, scores and parts of attention (see attention-part.ts). */
  attention: usize;
  /** Shared by the team: quantised or normalised rows of a pass, and scales. */
  sharedInts: usize;
  sharedScales: usize;
  sharedNormed: usize;
  /** Shared by the team: parts of attention over long contexts. */
  sharedParts: usize;
  /** [128] of RowPlace. */
  places: usize;
  /** What the operation at hand multiplies. */
  input: Input;
  /** For src/wasm/ops.ts: [128] ids, and rows that fused operations fall back on. */
  ids: usize;
  sharedRows: usize;
  /** Number of the phase that this worker is in, units claimed last, and units done but not yet reported (team.ts). */
  phase: i32;
  held: i32;
  done: i32;
}

/** Rows of activations made ready for products (linear.ts). */
@unmanaged
export class Input {
  rows: i32;
  /** Rows that a tile holds, and the number of tiles. */
  tileRows: i32;
  numTiles: i32;
  numBlocks: i32;
  /** Bytes of the pairs of one block in an unpacked panel. */
  pairBytes: usize;
  ints: usize;
  intsTileBytes: usize;
  scales: usize;
  scalesTileBytes: usize;
  /** [rows, inSize] f32, for dense weights. */
  x: usize;
}

/** Where one row of a pass stands. */
@unmanaged
export class RowPlace {
  pos: i32;
  cache: Cache;
}

/** Packed weights: groups of 8 rows. */
@unmanaged
export class Matrix {
  kind: i32;
  /** Columns per scale; 0 for dense weights. */
  blockSize: i32;
  outSize: i32;
  inSize: i32;
  groups: usize;
  groupBytes: i32;
  /**
   * 0, or groups of half a head where RoPE turns the outputs: then group j of a head is followed by its partner half
   * a head later, so that a fused pass reads memory in order (measured: decode + 10 %).
   */
  halfHead: i32;
}

/** Address of the packed group of rows 8 g … 8 g + 7. */
@inline
export function groupAt(groups: usize, groupBytes: i32, halfHead: i32, g: i32): usize {
  if (halfHead != 0) {
    const inHead = g % (2 * halfHead);
    g += (inHead < halfHead ? 2 * inHead : 2 * (inHead - halfHead) + 1) - inHead;
  }
  return groups + <usize>g * <usize>groupBytes;
}

/** Keys and values of one sequence in pages of PAGE positions (see cache.ts). */
@unmanaged
export class Cache {
  kind: i32;
  numHeads: i32;
  numKvHeads: i32;
  headDim: i32;
  /** Bytes of one layer in a page, and of one head in a layer. */
  layerBytes: i32;
  headBytes: i32;
  /** Bytes from the keys of a head to its values. */
  valueOffset: i32;
  /** Most parts that a row can have. */
  maxParts: i32;
  /** Array of page addresses. */
  pages: usize;
}

/** Cosines then sines of each position, [maxSeqLen][2][halfDim] f32. */
@unmanaged
export class RopeTable {
  halfDim: i32;
  rows: usize;
}

// Matrix.kind
export const Q4_PLAIN: i32 = 0;
export const Q4: i32 = 1;
export const Q4_WIDE: i32 = 2;
export const Q8: i32 = 3;
export const Q8_WIDE: i32 = 4;
export const F32: i32 = 5;
export const F16: i32 = 6;
export const BF16: i32 = 7;
// Cache.kind is F32, HALF or INT8. HALF is f16 without its subnormals, read as value · 2^-112, which saves a
// multiplication per four values; what it meets is scaled by 2^112 instead (attention-part.ts).
export const INT8: i32 = 8;
export const HALF: i32 = 9;
