// Activations times weight rows, whatever the packing; and the fused operations that begin with it. A unit of work
// is a group of 8 weight rows with all rows of activations, so who computes it never changes an order of sums.
// Mirror: src/reference/linear.ts; fused operations equal the run of their parts (src/ops.ts) bit for bit.

import { storeKey8, storeValue8 } from './cache';
import { checkMatrix, checkPlaces, checkProduct, checkValues } from './checks';
import { dense } from './linear-dense';
import {
  q4Fast,
  q4PlainFast,
  q4PlainPrecise,
  q4Precise,
  q4Unpack,
  q4WideFast,
  q4WidePrecise,
} from './linear-q4';
import { q4Bytes, q4UnpackBytes, quantiseBytes, tileBytes } from './linear-q4-relaxed';
import { q8Fast, q8Precise, q8Unpack, q8WideFast, q8WidePrecise } from './linear-q8';
import { F32, groupAt, Matrix, Q4, Q4_PLAIN, Q4_WIDE, Q8, RopeTable, RowPlace, Worker } from './memory';
import { quantiseFast, quantisePrecise } from './quantise';
import { rmsNormRow } from './rmsnorm';
import { cosinesAt, rotatedFirst, rotatedSecond } from './rope';
import { swiglu4 } from './swiglu';
import { arrive, claim, isOver } from './team';
import { tileFast, tilePrecise } from './tile';

/** True where the relaxed build multiplies bytes (linear-q4-relaxed.ts). */
@inline
function takesBytes(me: Worker, weight: Matrix): bool {
  return ASC_FEATURE_RELAXED_SIMD && !me.precise && weight.kind <= Q4_WIDE;
}

/**
 * Makes x [rows, inSize] ready to be multiplied by `weight`, normalised first where `norm` is not 0. One row: every
 * worker does it for itself (0.5 µs, less than a barrier). More: tiles are shared out, and all meet.
 */
function prepare(me: Worker, x: usize, rows: i32, weight: Matrix, norm: usize, eps: f64): void {
  const input = me.input;
  const inSize = weight.inSize;
  const isDense = weight.kind >= F32;
  input.rows = rows;
  input.x = norm == 0 ? x : rows == 1 ? me.normedRow : me.sharedNormed;
  input.tileRows = isDense ? 4 : me.precise ? 2 : 4;
  input.numTiles = (rows + input.tileRows - 1) / input.tileRows;
  if (!isDense) {
    input.numBlocks = inSize / weight.blockSize;
    input.pairBytes = (<usize>weight.blockSize) << 4;
    input.ints = rows == 1 ? me.rowInts : me.sharedInts;
    input.scales = rows == 1 ? me.rowScales : me.sharedScales;
    input.intsTileBytes = (<usize>inSize) << 3;
    input.scalesTileBytes = (<usize>input.numBlocks) << 5;
  }
  if (rows == 1) {
    if (isOver(me)) return;
    if (norm != 0) rmsNormRow(me.normedRow, x, norm, inSize, eps);
    if (!isDense) quantiseRow(me, 0, input.x, weight);
    return;
  }
  if (isDense && norm == 0) return;
  const rowBytes = (<usize>inSize) << 2;
  for (let begin = claim(me, input.numTiles); begin < input.numTiles; begin = claim(me, input.numTiles)) {
    const last = min((begin + me.held) * input.tileRows, rows);
    for (let t = begin * input.tileRows; t < last; t++) {
      let row = x + <usize>t * rowBytes;
      if (norm != 0) {
        const normed = isDense ? me.sharedNormed + <usize>t * rowBytes : me.normedRow;
        rmsNormRow(normed, row, norm, inSize, eps);
        row = normed;
      }
      if (!isDense) quantiseRow(me, t, row, weight);
    }
  }
  arrive(me);
}

/** Row t to its place in its tile; a single row has a tile of its own with the pairs close together. */
function quantiseRow(me: Worker, t: i32, row: usize, weight: Matrix): void {
  const inSize = weight.inSize;
  const blockSize = weight.blockSize;
  const input = me.input;
  const tile = <usize>(t / input.tileRows);
  const lane = <usize>(t % input.tileRows);
  const ints = input.ints + tile * input.intsTileBytes;
  const scales = input.scales + tile * input.scalesTileBytes;
  if (takesBytes(me, weight)) {
    quantiseBytes(row, inSize, ints + (lane << 2), input.rows == 1 ? 4 : 16, scales, lane);
  } else if (me.precise) {
    quantisePrecise(row, inSize, blockSize, ints + (lane << 3), input.rows == 1 ? 8 : 16, scales, lane);
  } else {
    quantiseFast(row, inSize, blockSize, ints + (lane << 2), input.rows == 1 ? 4 : 16, scales, lane);
  }
}

/** Group g of the weights as `multiply` wants it: as it is for one row, unpacked to panel `slot` for more. */
function open(me: Worker, weight: Matrix, g: i32, slot: usize): usize {
  const group = groupAt(weight.groups, weight.groupBytes, weight.halfHead, g);
  const kind = weight.kind;
  if (me.input.rows == 1 || kind >= F32) return group;
  const panel = me.panels + slot * <usize>me.panelBytes;
  const numBlocks = me.input.numBlocks;
  if (takesBytes(me, weight)) q4UnpackBytes(kind, panel, group, numBlocks);
  else if (kind <= Q4_WIDE) q4Unpack(kind, panel, group, numBlocks);
  else q8Unpack(kind != Q8, panel, group, numBlocks);
  return panel;
}

/** out [rows of the tile][8] = rows of the tile · opened group. */
function multiply(me: Worker, weight: Matrix, opened: usize, tile: i32, out: usize): void {
  const input = me.input;
  if (weight.kind >= F32) {
    const rowBytes = (<usize>weight.inSize) << 2;
    const rows = min(4, input.rows - tile * 4);
    dense(weight.kind, out, rows, input.x + <usize>tile * 4 * rowBytes, rowBytes, opened, weight.inSize);
    return;
  }
  const ints = input.ints + <usize>tile * input.intsTileBytes;
  const scales = input.scales + <usize>tile * input.scalesTileBytes;
  const numBlocks = input.numBlocks;
  if (input.rows > 1) {
    if (takesBytes(me, weight)) tileBytes(out, opened, numBlocks, ints, scales);
    else if (me.precise) tilePrecise(out, opened, numBlocks, input.pairBytes, ints, scales);
    else tileFast(out, opened, numBlocks, input.pairBytes, ints, scales);
    return;
  }
  const kind = weight.kind;
  if (me.precise) {
    if (kind == Q4) q4Precise(out, opened, numBlocks, ints, scales);
    else if (kind == Q4_PLAIN) q4PlainPrecise(out, opened, numBlocks, ints, scales);
    else if (kind == Q8) q8Precise(out, opened, numBlocks, ints, scales);
    else if (kind == Q4_WIDE) q4WidePrecise(out, opened, numBlocks, ints, scales);
    else q8WidePrecise(out, opened, numBlocks, ints, scales);
  } else if (takesBytes(me, weight)) {
    q4Bytes(kind, out, opened, numBlocks, ints, scales);
  } else {
    if (kind == Q8) q8Fast(out, opened, numBlocks, ints, scales);
    else if (kind > Q8) q8WideFast(out, opened, numBlocks, ints, scales);
    else if (ASC_FEATURE_RELAXED_SIMD)
      unreachable(); // 4 bits go as bytes; the relaxed build is spared the code
    else if (kind == Q4) q4Fast(out, opened, numBlocks, ints, scales);
    else if (kind == Q4_PLAIN) q4PlainFast(out, opened, numBlocks, ints, scales);
    else q4WideFast(out, opened, numBlocks, ints, scales);
  }
}

@inline
function tileEnd(me: Worker, tile: i32): i32 {
  return min((tile + 1) * me.input.tileRows, me.input.rows);
}

/** results [8] (+ bias) to out at outputs [o, o + 8) of a row; the last group may be shorter. */
@inline
function storeResults(out: usize, results: usize, o: i32, outSize: i32, bias: usize, adds: bool): void {
  const at = (<usize>o) << 2;
  if (o + 8 <= outSize) {
    let low = v128.load(results);
    let high = v128.load(results, 16);
    if (bias != 0) {
      low = f32x4.add(low, v128.load(bias + at));
      high = f32x4.add(high, v128.load(bias + at, 16));
    }
    if (adds) {
      low = f32x4.add(v128.load(out + at), low);
      high = f32x4.add(v128.load(out + at, 16), high);
    }
    v128.store(out + at, low);
    v128.store(out + at, high, 16);
    return;
  }
  for (let i: usize = 0, end = (<usize>(outSize - o)) << 2; i < end; i += 4) {
    let value = load<f32>(results + i);
    if (bias != 0) value = value + load<f32>(bias + at + i);
    if (adds) value = load<f32>(out + at + i) + value;
    store<f32>(out + at + i, value);
  }
}

@inline
function project(me: Worker, out: usize, weight: Matrix, bias: usize, adds: bool): void {
  const outSize = weight.outSize;
  const rowBytes = (<usize>outSize) << 2;
  const numGroups = (outSize + 7) >> 3;
  const results = me.tile;
  for (let begin = claim(me, numGroups); begin < numGroups; begin = claim(me, numGroups)) {
    for (let g = begin, end = begin + me.held; g < end; g++) {
      const opened = open(me, weight, g, 0);
      for (let tile = 0; tile < me.input.numTiles; tile++) {
        multiply(me, weight, opened, tile, results);
        for (let t = tile * me.input.tileRows, r = results; t < tileEnd(me, tile); t++, r += 32) {
          storeResults(out + <usize>t * rowBytes, r, g << 3, outSize, bias, adds);
        }
      }
    }
  }
  arrive(me);
}

/** out [rows, outSize] = x [rows, inSize] · weightᵀ (+ bias [outSize], 0 for none). rows 1 to 128. */
export function linear(me: Worker, out: usize, x: usize, rows: i32, weight: Matrix, bias: usize): void {
  if (!ASC_NO_ASSERT) checkProduct(me, out, x, rows, weight, bias);
  prepare(me, x, rows, weight, 0, 0);
  project(me, out, weight, bias, false);
}

/** x [rows, outSize] += y [rows, inSize] · weightᵀ. */
export function linearAdd(me: Worker, x: usize, y: usize, rows: i32, weight: Matrix): void {
  if (!ASC_NO_ASSERT) checkProduct(me, x, y, rows, weight, 0);
  prepare(me, y, rows, weight, 0, 0);
  project(me, x, weight, 0, true);
}

/** out [rows, outSize] = swiglu(gate, up) of the normalised rows; both matrices are of one packing. */
export function mlpInput(
  me: Worker,
  out: usize,
  x: usize,
  rows: i32,
  norm: usize,
  eps: f64,
  gate: Matrix,
  up: Matrix,
): void {
  if (!ASC_NO_ASSERT) {
    checkProduct(me, out, x, rows, gate, 0);
    checkProduct(me, out, x, rows, up, 0);
    checkValues(norm, gate.inSize);
    assert(gate.kind == up.kind, 'mlpInput: expected two matrices of one packing');
  }
  prepare(me, x, rows, gate, norm, eps);
  const outSize = gate.outSize;
  const rowBytes = (<usize>outSize) << 2;
  const numGroups = (outSize + 7) >> 3;
  const gateResults = me.tile;
  const upResults = me.tile + 512;
  for (let begin = claim(me, numGroups); begin < numGroups; begin = claim(me, numGroups)) {
    for (let g = begin, end = begin + me.held; g < end; g++) {
      const gateGroup = open(me, gate, g, 0);
      const upGroup = open(me, up, g, 1);
      for (let tile = 0; tile < me.input.numTiles; tile++) {
        multiply(me, gate, gateGroup, tile, gateResults);
        multiply(me, up, upGroup, tile, upResults);
        for (let t = tile * me.input.tileRows, r: usize = 0; t < tileEnd(me, tile); t++, r += 32) {
          const gateRow = gateResults + r;
          const upRow = upResults + r;
          v128.store(gateRow, swiglu4(v128.load(gateRow), v128.load(upRow)));
          v128.store(gateRow, swiglu4(v128.load(gateRow, 16), v128.load(upRow, 16)), 16);
          storeResults(out + <usize>t * rowBytes, gateRow, g << 3, outSize, 0, false);
        }
      }
    }
  }
  arrive(me);
}

/**
 * Queries to q [rows, numHeads, headDim], keys and values to the rows' caches, of the normalised rows. A unit is 16
 * weight rows: for queries and keys, rows j … j + 7 of a head and those half a head later, which RoPE turns
 * together. Needs headDim % 16 == 0, one packing for the three matrices, and an f32 or f16 cache.
 */
export function attentionInput(
  me: Worker,
  q: usize,
  x: usize,
  rows: i32,
  norm: usize,
  eps: f64,
  qProj: Matrix,
  kProj: Matrix,
  vProj: Matrix,
  qBias: usize,
  kBias: usize,
  vBias: usize,
  layer: i32,
  table: RopeTable,
  headDim: i32,
): void {
  if (!ASC_NO_ASSERT) {
    checkPlaces(me, rows, layer);
    checkProduct(me, q, x, rows, qProj, qBias);
    checkMatrix(me, kProj);
    checkMatrix(me, vProj);
    checkValues(norm, qProj.inSize);
    assert(headDim % 16 == 0, 'attentionInput: expected headDim in sixteens');
    assert(qProj.kind == kProj.kind && kProj.kind == vProj.kind, 'attentionInput: expected one packing');
  }
  prepare(me, x, rows, qProj, norm, eps);
  const unitsPerHead = headDim >> 4;
  const qUnits = (qProj.outSize / headDim) * unitsPerHead;
  const kUnits = qUnits + (kProj.outSize / headDim) * unitsPerHead;
  const numUnits = kUnits + (vProj.outSize >> 4);
  for (let begin = claim(me, numUnits); begin < numUnits; begin = claim(me, numUnits)) {
    for (let u = begin, end = begin + me.held; u < end; u++) {
      if (u >= kUnits) {
        valueUnit(me, vProj, vBias, (u - kUnits) << 4, headDim, layer);
      } else {
        const unit = u < qUnits ? u : u - qUnits;
        const dim = (unit % unitsPerHead) << 3;
        const head = unit / unitsPerHead;
        if (u < qUnits) rotatedUnit(me, qProj, qBias, head, dim, headDim, table, q, 0);
        else rotatedUnit(me, kProj, kBias, head, dim, headDim, table, 0, layer);
      }
    }
  }
  arrive(me);
}

/** Dimensions [dim, dim + 8) and their partners of a query head (to q) or of a key head (q 0: to the caches). */
function rotatedUnit(
  me: Worker,
  weight: Matrix,
  bias: usize,
  head: i32,
  dim: i32,
  headDim: i32,
  table: RopeTable,
  q: usize,
  layer: i32,
): void {
  const half = headDim >> 1;
  const first = head * headDim + dim;
  const firstGroup = open(me, weight, first >> 3, 0);
  const secondGroup = open(me, weight, (first + half) >> 3, 1);
  const rowBytes = (<usize>weight.outSize) << 2;
  for (let tile = 0; tile < me.input.numTiles; tile++) {
    let a = me.tile;
    let b = me.tile + 512;
    multiply(me, weight, firstGroup, tile, a);
    multiply(me, weight, secondGroup, tile, b);
    for (let t = tile * me.input.tileRows; t < tileEnd(me, tile); t++, a += 32, b += 32) {
      const place = changetype<RowPlace>(me.places + <usize>t * offsetof<RowPlace>());
      const cosines = cosinesAt(table, place.pos) + ((<usize>dim) << 2);
      const sines = cosines + ((<usize>half) << 2);
      for (let i: usize = 0; i < 32; i += 16) {
        let u = v128.load(a + i);
        let v = v128.load(b + i);
        if (bias != 0) {
          u = f32x4.add(u, v128.load(bias + ((<usize>first) << 2) + i));
          v = f32x4.add(v, v128.load(bias + ((<usize>(first + half)) << 2) + i));
        }
        const cos = v128.load(cosines + i);
        const sin = v128.load(sines + i);
        v128.store(a + i, rotatedFirst(u, v, cos, sin));
        v128.store(b + i, rotatedSecond(u, v, cos, sin));
      }
      if (q != 0) {
        const row = q + <usize>t * rowBytes + ((<usize>first) << 2);
        copyEight(row, a);
        copyEight(row + ((<usize>half) << 2), b);
      } else {
        storeKey8(place.cache, layer, head, place.pos, dim, a);
        storeKey8(place.cache, layer, head, place.pos, dim + half, b);
      }
    }
  }
}

/** Value outputs [first, first + 16) to the caches. */
function valueUnit(me: Worker, weight: Matrix, bias: usize, first: i32, headDim: i32, layer: i32): void {
  const groups0 = open(me, weight, first >> 3, 0);
  const groups1 = open(me, weight, (first >> 3) + 1, 1);
  const head = first / headDim;
  const dim = first % headDim;
  for (let tile = 0; tile < me.input.numTiles; tile++) {
    let a = me.tile;
    let b = me.tile + 512;
    multiply(me, weight, groups0, tile, a);
    multiply(me, weight, groups1, tile, b);
    for (let t = tile * me.input.tileRows; t < tileEnd(me, tile); t++, a += 32, b += 32) {
      const place = changetype<RowPlace>(me.places + <usize>t * offsetof<RowPlace>());
      if (bias != 0) {
        addEight(a, bias + ((<usize>first) << 2));
        addEight(b, bias + ((<usize>first) << 2) + 32);
      }
      storeValue8(place.cache, layer, head, place.pos, dim, a);
      storeValue8(place.cache, layer, head, place.pos, dim + 8, b);
    }
  }
}

/** memory.copy leaves the module in V8: 0.2 µs for these 32 bytes. */
@inline
function copyEight(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
}

@inline
function addEight(x: usize, y: usize): void {
  v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
  v128.store(x, f32x4.add(v128.load(x, 16), v128.load(y, 16)), 16);
}
