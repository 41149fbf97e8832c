// Grouped-query attention of whole sequences and its gradient. Mirror: attendRows of src/reference/attend.ts.
// No T × T matrix is kept: a block of 64 queries has its scores in scratch, and the backward pass computes them again.
// Units of work: forward a block of queries and a head; backward a sequence and a key-value head, so that no two
// workers write to one row of dK. Order of sums: scores and dWeight by dimension; outputs, dQ by key in blocks of
// KEY_BLOCK; dK, dV by head of the group, then block of queries, then query; softmax sums as in softmaxRow.

import { Worker } from '../memory';
import { exp1, sumLanes } from '../simd';
import { arrive, claim } from '../team';
import { exponentials } from './exponentials';
import { multiplyPanel, PANEL, packRows, packTransposed } from './gemm';
import { log } from './log';
import { largest } from './loss';

/** Queries whose scores are in scratch at once. */
const QUERY_BLOCK: i32 = 64;
/** Keys in one sum of an output before it goes to memory: a packed panel of 32 KB. */
const KEY_BLOCK: i32 = 512;

/** Where heads lie; the same for a whole pass. */
@unmanaged
export class Heads {
  numHeads: i32;
  numKvHeads: i32;
  headDim: i32;
  /** [numBlocks][3] i32: first row and length of the sequence, first query of the block within it. */
  blocks: usize;
  numBlocks: i32;
  /** [numSequences][2] i32: first row and length. */
  sequences: usize;
  numSequences: i32;
}

/** out [rows, numHeads, headDim] and logSums [rows, numHeads] of q, k, v. */
export function attend(
  me: Worker,
  heads: Heads,
  out: usize,
  logSums: usize,
  q: usize,
  k: usize,
  v: usize,
): void {
  const units = heads.numBlocks * heads.numHeads;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    for (let unit = begin, end = begin + me.held; unit < end; unit++) {
      const block = heads.blocks + <usize>(unit / heads.numHeads) * 12;
      const first = load<i32>(block, 8);
      const queries = min(QUERY_BLOCK, load<i32>(block, 4) - first);
      attendBlock(me, heads, out, logSums, q, k, v, load<i32>(block), first, queries, unit % heads.numHeads);
    }
  }
  arrive(me);
}

function attendBlock(
  me: Worker,
  heads: Heads,
  out: usize,
  logSums: usize,
  q: usize,
  k: usize,
  v: usize,
  sequence: i32,
  first: i32,
  queries: i32,
  h: i32,
): void {
  const headBytes = (<usize>heads.headDim) << 2;
  const qRow = <usize>heads.numHeads * headBytes;
  const kvRow = <usize>heads.numKvHeads * headBytes;
  const kvHead = <usize>(h / (heads.numHeads / heads.numKvHeads)) * headBytes;
  const keys = first + queries;
  const scores = me.attention;
  const scoreRow = scoreRowBytes(keys);
  const at = <usize>(sequence + first) * qRow + <usize>h * headBytes;
  const kv = <usize>sequence * kvRow + kvHead;
  products(me, scores, scoreRow, q + at, qRow, k + kv, kvRow, queries, keys, heads.headDim);
  const scale = 1.0 / sqrt<f64>(<f64>heads.headDim);
  for (let t = 0; t < queries; t++) {
    const logSum = softmaxRow(scores + <usize>t * scoreRow, first + t + 1, scoreRow, <f32>scale, me.panels);
    store<f32>(logSums + ((<usize>((sequence + first + t) * heads.numHeads + h)) << 2), logSum);
  }
  gather(me, out + at, qRow, scores, scoreRow, v + kv, kvRow, queries, keys, heads.headDim);
}

/** Bytes from one row of scores to the next: whole panels, and one more so that rows do not fall on one another. */
@inline
function scoreRowBytes(keys: i32): usize {
  return (<usize>(((keys + PANEL - 1) & ~(PANEL - 1)) + PANEL)) << 2;
}

/**
 * c [queries, keys] = a [queries, headDim] · bᵀ, b [keys, headDim]; the last query sees the last key. Panels of keys
 * that no query of a row sees are left out there, as in gather and scatter: their weights are zero.
 */
function products(
  me: Worker,
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  queries: i32,
  keys: i32,
  headDim: i32,
): void {
  for (let p = 0; p < keys; p += PANEL) {
    packTransposed(me.panels, b + <usize>p * bRow, bRow, headDim, min(PANEL, keys - p));
    const unseen = max(0, p - (keys - queries));
    multiplyPanel(
      c + <usize>unseen * cRow + ((<usize>p) << 2),
      cRow,
      a + <usize>unseen * aRow,
      aRow,
      4,
      me.panels,
      64,
      queries - unseen,
      PANEL,
      headDim,
      false,
      me.tile,
    );
  }
}

/** c [queries, headDim] = a [queries, keys] · b [keys, headDim]. */
function gather(
  me: Worker,
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  queries: i32,
  keys: i32,
  headDim: i32,
): void {
  for (let i = 0; i < headDim; i += PANEL) {
    const columns = min(PANEL, headDim - i);
    const at = (<usize>i) << 2;
    for (let p = 0; p < keys; p += KEY_BLOCK) {
      const k = min(KEY_BLOCK, keys - p);
      packRows(me.panels, b + <usize>p * bRow + at, bRow, k, columns);
      for (let t = 0; t < queries; t += PANEL) {
        const seen = min(k, keys - queries + t + PANEL - p);
        if (seen <= 0) continue;
        multiplyPanel(
          c + <usize>t * cRow + at,
          cRow,
          a + <usize>t * aRow + ((<usize>p) << 2),
          aRow,
          4,
          me.panels,
          64,
          min(PANEL, queries - t),
          columns,
          seen,
          p > 0,
          me.tile,
        );
      }
    }
  }
}

/** c [keys, headDim] += aᵀ · b, a [queries, keys], b [queries, headDim]. */
function scatter(
  me: Worker,
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  queries: i32,
  keys: i32,
  headDim: i32,
): void {
  for (let i = 0; i < headDim; i += PANEL) {
    const columns = min(PANEL, headDim - i);
    const at = (<usize>i) << 2;
    packRows(me.panels, b + at, bRow, queries, columns);
    for (let p = 0, end = 0; p < keys; p = end) {
      const unseen = max(0, p - (keys - queries));
      end = min(keys, max(keys - queries, p + PANEL));
      multiplyPanel(
        c + <usize>p * cRow + at,
        cRow,
        a + <usize>unseen * aRow + ((<usize>p) << 2),
        4,
        aRow,
        me.panels + <usize>unseen * 64,
        64,
        end - p,
        columns,
        queries - unseen,
        true,
        me.tile,
      );
    }
  }
}

/**
 * Scores to weights, in place; those behind the row's own position become zero. Four running sums in float32, then
 * (0 + 2) + (1 + 3), then the tail.
 *
 * @returns log of the sum of exponentials of the scaled scores
 */
function softmaxRow(row: usize, length: i32, rowBytes: usize, scale: f32, scratch: usize): f32 {
  const bytes = (<usize>length) << 2;
  const whole = bytes & ~15;
  const max = largest(row, bytes) * scale;
  exponentials(row, row, whole, scale, max, scratch);
  let sums = f32x4.splat(0);
  let i: usize = 0;
  for (; i < whole; i += 16) sums = f32x4.add(sums, v128.load(row + i));
  let sum = sumLanes(sums);
  for (; i < bytes; i += 4) {
    const weight = exp1(load<f32>(row + i) * scale - max);
    store<f32>(row + i, weight);
    sum += weight;
  }
  const inverse: f32 = 1 / sum;
  const inverse4 = f32x4.splat(inverse);
  for (i = 0; i < whole; i += 16) v128.store(row + i, f32x4.mul(v128.load(row + i), inverse4));
  for (; i < bytes; i += 4) store<f32>(row + i, load<f32>(row + i) * inverse);
  memory.fill(row + bytes, 0, rowBytes - bytes);
  return <f32>(<f64>max + log(<f64>sum));
}

/** dQ, dK, dV of dOut and what the forward pass kept. */
export function attendBackward(
  me: Worker,
  heads: Heads,
  dQ: usize,
  dK: usize,
  dV: usize,
  dOut: usize,
  out: usize,
  logSums: usize,
  q: usize,
  k: usize,
  v: usize,
): void {
  const headBytes = (<usize>heads.headDim) << 2;
  const kvRow = <usize>heads.numKvHeads * headBytes;
  const groupSize = heads.numHeads / heads.numKvHeads;
  const units = heads.numSequences * heads.numKvHeads;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    for (let unit = begin, end = begin + me.held; unit < end; unit++) {
      const place = heads.sequences + <usize>(unit / heads.numKvHeads) * 8;
      const sequence = load<i32>(place);
      const count = load<i32>(place, 4);
      const kvHead = unit % heads.numKvHeads;
      const kv = <usize>sequence * kvRow + <usize>kvHead * headBytes;
      for (let t = 0; t < count; t++) {
        memory.fill(dK + kv + <usize>t * kvRow, 0, headBytes);
        memory.fill(dV + kv + <usize>t * kvRow, 0, headBytes);
      }
      for (let h = kvHead * groupSize; h < (kvHead + 1) * groupSize; h++) {
        for (let first = 0; first < count; first += QUERY_BLOCK) {
          const queries = min(QUERY_BLOCK, count - first);
          blockBackward(
            me,
            heads,
            dQ,
            dK + kv,
            dV + kv,
            dOut,
            out,
            logSums,
            q,
            k + kv,
            v + kv,
            sequence,
            first,
            queries,
            h,
          );
        }
      }
    }
  }
  arrive(me);
}

function blockBackward(
  me: Worker,
  heads: Heads,
  dQ: usize,
  dK: usize,
  dV: usize,
  dOut: usize,
  out: usize,
  logSums: usize,
  q: usize,
  k: usize,
  v: usize,
  sequence: i32,
  first: i32,
  queries: i32,
  h: i32,
): void {
  const headDim = heads.headDim;
  const headBytes = (<usize>headDim) << 2;
  const qRow = <usize>heads.numHeads * headBytes;
  const kvRow = <usize>heads.numKvHeads * headBytes;
  const keys = first + queries;
  const scoreRow = scoreRowBytes(keys);
  const weights = me.attention;
  const dScores = weights + <usize>QUERY_BLOCK * scoreRow;
  const at = <usize>(sequence + first) * qRow + <usize>h * headBytes;
  const scale = <f32>(1.0 / sqrt<f64>(<f64>headDim));
  products(me, weights, scoreRow, q + at, qRow, k, kvRow, queries, keys, headDim);
  products(me, dScores, scoreRow, dOut + at, qRow, v, kvRow, queries, keys, headDim);
  for (let t = 0; t < queries; t++) {
    const row = at + <usize>t * qRow;
    const logSum = load<f32>(logSums + ((<usize>((sequence + first + t) * heads.numHeads + h)) << 2));
    const offset = <usize>t * scoreRow;
    const mean = dot(dOut + row, out + row, headBytes);
    rowBackward(weights + offset, dScores + offset, first + t + 1, scoreRow, logSum, mean, scale, me.panels);
  }
  scatter(me, dV, kvRow, weights, scoreRow, dOut + at, qRow, queries, keys, headDim);
  gather(me, dQ + at, qRow, dScores, scoreRow, k, kvRow, queries, keys, headDim);
  scatter(me, dK, kvRow, dScores, scoreRow, q + at, qRow, queries, keys, headDim);
}

/** Σ x · y in float32: four running sums, (0 + 2) + (1 + 3), then the tail. */
function dot(x: usize, y: usize, bytes: usize): f32 {
  let sums = f32x4.splat(0);
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(x + i), v128.load(y + i)));
  let sum = sumLanes(sums);
  for (; i < bytes; i += 4) sum += load<f32>(x + i) * load<f32>(y + i);
  return sum;
}

/** Scores to weights and dWeights to dScores, in place; zero behind the row's own position. */
function rowBackward(
  weights: usize,
  dScores: usize,
  length: i32,
  rowBytes: usize,
  logSum: f32,
  mean: f32,
  scale: f32,
  scratch: usize,
): void {
  const bytes = (<usize>length) << 2;
  const whole = bytes & ~15;
  const scale4 = f32x4.splat(scale);
  const mean4 = f32x4.splat(mean);
  let i: usize = 0;
  exponentials(weights, weights, whole, scale, logSum, scratch);
  for (; i < whole; i += 16) {
    const pull = f32x4.sub(v128.load(dScores + i), mean4);
    v128.store(dScores + i, f32x4.mul(f32x4.mul(v128.load(weights + i), pull), scale4));
  }
  for (; i < bytes; i += 4) {
    const weight = exp1(load<f32>(weights + i) * scale - logSum);
    store<f32>(weights + i, weight);
    store<f32>(dScores + i, weight * (load<f32>(dScores + i) - mean) * scale);
  }
  memory.fill(weights + bytes, 0, rowBytes - bytes);
  memory.fill(dScores + bytes, 0, rowBytes - bytes);
}
