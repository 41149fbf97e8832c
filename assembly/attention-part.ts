// One part of attention: the PAGE positions of one page. Mirror: src/reference/attend.ts.
//
//     score[p] = (q / sqrt(headDim)) · key[p]            k = dimension, in order
//     e[p]     = exp(score[p] - max), max = largest score of the part
//     part     = Σ e[p] · value[p], Σ e[p]               p in order; Σ e by lanes p mod 4, (l0 + l2) + (l1 + l3)
//     out      = Σ f · part / Σ f · Σ e,  f = exp(max - largest max)       parts in order; Σ in float64 for the last
//
//   one part of one query:  headDim sums, rounded up to 8 │ max │ Σ e │ 6 unused

import { headAt, PAGE, scalesAt } from './cache';
import { Cache, HALF, INT8 } from './memory';
import { eightBytes, fourPanels, panelOf8 } from './panel';
import { exp1, exp4, halfUnit, maxLanes, sumLanes } from './simd';

export const SCORES_BYTES: usize = <usize>PAGE * 4;
/** Parts from which on a float16 cache of all layers is larger than caches of processors (4,096 positions). */
const MANY_PARTS: i32 = 32;

@inline
export function slicesOf(cache: Cache): i32 {
  return (cache.headDim + 7) >> 3;
}

@inline
export function partBytesOf(cache: Cache): usize {
  return ((<usize>slicesOf(cache)) << 5) + 32;
}

@inline
export function partsOf(pos: i32): i32 {
  return pos / PAGE + 1;
}

/** queries [rows · heads][headDim] = q / sqrt(headDim), close together. */
export function gather(
  queries: usize,
  q: usize,
  begin: i32,
  end: i32,
  head: i32,
  heads: i32,
  cache: Cache,
): void {
  const size = (<usize>(heads * cache.headDim)) << 2;
  // Both factors at once where keys are read as value · 2^-112: the second is a power of two and rounds nothing.
  let scale = <f32>(1.0 / sqrt<f64>(<f64>cache.headDim));
  if (cache.kind == HALF) scale *= <f32>5192296858534827628530496329220096.0;
  for (let t = begin; t < end; t++, queries += size) {
    const from = q + ((<usize>((t * cache.numHeads + head) * cache.headDim)) << 2);
    for (let i: usize = 0; i < size; i += 4) store<f32>(queries + i, load<f32>(from + i) * scale);
  }
}

/**
 * Reads every line of `bytes` before they are used. Widening halves is so much work per line that a processor does not
 * see the next lines in time; read together they arrive together. After 8,000 positions: 930 → 850 µs a layer in
 * Node 20, 1,140 → 850 in Node 24. `sink` keeps the reads from being optimised away.
 */
@inline
function fetch(from: usize, bytes: usize, sink: usize): void {
  let sum: i32 = 0;
  for (let end = from + bytes; from < end; from += 256) {
    sum += load<i32>(from) + load<i32>(from, 64) + load<i32>(from, 128) + load<i32>(from, 192);
  }
  store<i32>(sink, sum);
}

/**
 * Scores of one part to e, and their sums: queries of neighbouring rows from position `pos` on, `heads` per row.
 * Returns the number of positions that any query sees.
 */
export function weighPart(
  cache: Cache,
  layer: i32,
  kvHead: i32,
  part: i32,
  queries: usize,
  numQueries: i32,
  heads: i32,
  pos: i32,
  scores: usize,
  out: usize,
): i32 {
  const kind = cache.kind;
  const headDim = cache.headDim;
  const head = headAt(cache, layer, kvHead, part);
  const queryBytes = (<usize>headDim) << 2;
  const lastPos = pos + (numQueries - 1) / heads;
  const seen = min(PAGE, lastPos + 1 - part * PAGE);
  if (kind == HALF && numQueries <= 4 && partsOf(lastPos) >= MANY_PARTS) {
    fetch(head, <usize>cache.headBytes, scores);
  }
  const keyBytes = <usize>headDim * eightBytes(kind);
  let keys = head;
  let p = 0;
  if (numQueries == 1) {
    for (; p + 24 < seen; p += 32, keys += 4 * keyBytes) {
      fourPanels(kind, scores + ((<usize>p) << 2), queries, keys, keyBytes, headDim);
    }
  }
  for (; p < seen; p += 8, keys += keyBytes) {
    const at = scores + ((<usize>p) << 2);
    for (let i = 0; i < numQueries; i += 4) {
      const to = at + <usize>i * SCORES_BYTES;
      const from = queries + <usize>i * queryBytes;
      panelOf8(kind, min(4, numQueries - i), to, SCORES_BYTES, from, queryBytes, keys, headDim);
    }
  }
  const partBytes = partBytesOf(cache);
  const keyScales = kind == INT8 ? scalesAt(cache, head) : 0;
  const sumsAt = (<usize>slicesOf(cache)) << 5;
  for (let i = 0; i < numQueries; i++) {
    const valid = min(seen, max(0, pos + i / heads + 1 - part * PAGE));
    weigh(scores + <usize>i * SCORES_BYTES, valid, seen, keyScales, out + <usize>i * partBytes + sumsAt);
  }
  return seen;
}

/** Values of one part, weighted by e [numQueries, PAGE]; the scale of an int8 value goes into its weight. */
export function gatherPart(
  cache: Cache,
  layer: i32,
  kvHead: i32,
  part: i32,
  scores: usize,
  numQueries: i32,
  seen: i32,
  out: usize,
): void {
  const kind = cache.kind;
  const head = headAt(cache, layer, kvHead, part);
  if (kind == INT8) {
    const valueScales = scalesAt(cache, head) + SCORES_BYTES;
    for (let i = 0; i < numQueries; i++) scaleBy(scores + <usize>i * SCORES_BYTES, valueScales, seen);
  }
  if (kind == HALF) {
    for (let i = 0; i < numQueries; i++) scaleByUnit(scores + <usize>i * SCORES_BYTES, seen);
  }
  const partBytes = partBytesOf(cache);
  const sliceBytes = <usize>PAGE * eightBytes(kind);
  let slice = head + <usize>cache.valueOffset;
  let s = 0;
  if (numQueries == 1) {
    for (; s + 4 <= slicesOf(cache); s += 4, slice += 4 * sliceBytes, out += 128) {
      fourPanels(kind, out, scores, slice, sliceBytes, seen);
    }
  }
  for (; s < slicesOf(cache); s++, slice += sliceBytes, out += 32) {
    for (let i = 0; i < numQueries; i += 4) {
      const to = out + <usize>i * partBytes;
      const from = scores + <usize>i * SCORES_BYTES;
      panelOf8(kind, min(4, numQueries - i), to, partBytes, from, SCORES_BYTES, slice, seen);
    }
  }
}

/**
 * Scores [valid] to e, zero from there to `seen`; keyScales 0, or what scores of int8 keys are to be multiplied by.
 * sums: largest score, Σ e. A row with nothing valid gets -∞ and 0.
 */
function weigh(scores: usize, valid: i32, seen: i32, keyScales: usize, sums: usize): void {
  const bytes = (<usize>seen) << 2;
  const validBytes = (<usize>valid) << 2;
  if (keyScales != 0) scaleBy(scores, keyScales, valid);
  // `seen` may end inside a vector of 4; memory up to the end of the part's scores is ours.
  for (let i = validBytes; i < ((bytes + 15) & ~15); i += 4) store<f32>(scores + i, -Infinity);
  let max4 = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < validBytes; i += 16) max4 = f32x4.pmax(max4, v128.load(scores + i));
  const largest = maxLanes(max4);
  const shift = f32x4.splat(largest);
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < validBytes; i += 16) {
    let e = exp4(f32x4.sub(v128.load(scores + i), shift));
    if (i + 16 > validBytes) {
      v128.store(scores + i, e);
      for (let j = validBytes; j < i + 16; j += 4) store<f32>(scores + j, 0);
      e = v128.load(scores + i);
    }
    v128.store(scores + i, e);
    sum = f32x4.add(sum, e);
  }
  for (let i = validBytes; i < bytes; i += 4) store<f32>(scores + i, 0);
  store<f32>(sums, largest);
  store<f32>(sums, sumLanes(sum), 4);
}

@inline
function scaleBy(x: usize, scales: usize, count: i32): void {
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4) {
    store<f32>(x + i, load<f32>(x + i) * load<f32>(scales + i));
  }
}

/** x [count] · 2^112, up to the next vector. */
@inline
function scaleByUnit(x: usize, count: i32): void {
  const unit = halfUnit();
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 16) {
    v128.store(x + i, f32x4.mul(v128.load(x + i), unit));
  }
}

/**
 * out [headDim] = the parts of a query at position `pos` put together. weights: 0, or its row of probs with e of
 * every part, to be finished.
 */
export function combine(
  out: usize,
  parts: usize,
  stride: usize,
  pos: i32,
  cache: Cache,
  weights: usize,
): void {
  const numParts = <usize>partsOf(pos);
  const partsEnd = parts + numParts * stride;
  const sumsAt = (<usize>slicesOf(cache)) << 5;
  let largest: f32 = -Infinity;
  for (let part = parts; part < partsEnd; part += stride) largest = max(largest, load<f32>(part + sumsAt));
  let total: f64 = 0;
  for (let part = parts; part < partsEnd; part += stride) {
    const factor = exp1(load<f32>(part + sumsAt) - largest);
    total += <f64>factor * <f64>load<f32>(part + sumsAt, 4);
    store<f32>(part + sumsAt, factor, 8);
  }
  const inverse = <f32>(1.0 / total);
  const headBytes = (<usize>cache.headDim) << 2;
  for (let i: usize = 0; i < headBytes; i += 16) {
    let sum = f32x4.splat(0);
    for (let part = parts; part < partsEnd; part += stride) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(part + sumsAt, 8), v128.load(part + i)));
    }
    sum = f32x4.mul(sum, f32x4.splat(inverse));
    if (i + 16 <= headBytes) v128.store(out + i, sum);
    else v128.store_lane<u64>(out + i, sum, 0); // headDim is even
  }
  if (weights == 0) return;
  const weightsEnd = weights + ((<usize>(pos + 1)) << 2);
  for (let part = parts; part < partsEnd; part += stride) {
    const factor = load<f32>(part + sumsAt, 8) * inverse;
    const end = min(weights + SCORES_BYTES, weightsEnd);
    for (; weights < end; weights += 4) store<f32>(weights, load<f32>(weights) * factor);
  }
}
