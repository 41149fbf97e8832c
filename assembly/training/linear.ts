// Activations times weights, and its two gradients. Mirror: src/reference/linear.ts.
// Order of sums: blocks of K_BLOCK (inputs forward, outputs for dX) or T_BLOCK (rows for dWeight), each summed in a
// register from zero in ascending order and added to the result, blocks ascending. The block sizes decide the bits.
// A unit of work is one to four panels (16 columns of the result each) by ROW_BLOCK of its rows: shapes decide it, not
// threads.

import { Worker } from '../memory';
import { arrive, claim } from '../team';
import { multiplyPanel, PANEL, PANEL_BYTES, packRows, packTransposed } from './gemm';

/** Length of a sum before it goes to memory: a packed panel of 36 KB stays in the first cache. */
export const K_BLOCK: i32 = 576;
/** Rows of a weight gradient's sum: the strided column of dOut that a tile reads stays in the first cache. */
export const T_BLOCK: i32 = 64;
/** A panel of T_BLOCK rows. */
const BLOCK_BYTES: usize = 64 * PANEL_BYTES;
/** Outputs of a weight gradient that one unit of work computes, by two or eight panels of inputs. */
const OUT_BLOCK: i32 = 128;
/** Rows of a result that one unit of work computes: 256 rows of 576 inputs stay in the second cache. */
const ROW_BLOCK: i32 = 256;
/** Rows that go through all panels of a unit before the next ones do. */
const ROWS_AT_ONCE: i32 = 16;

/** out [rows, outSize] = x [rows, inSize] · weightᵀ (+ bias [outSize], where its address is not 0). */
export function linear(
  me: Worker,
  out: usize,
  outRow: usize,
  x: usize,
  weight: usize,
  bias: usize,
  rows: i32,
  inSize: i32,
  outSize: i32,
): void {
  const across = panelsAtOnce(inSize, outSize);
  const groups = (outSize + across * PANEL - 1) / (across * PANEL);
  const units = groups * ((rows + ROW_BLOCK - 1) / ROW_BLOCK);
  const inBytes = (<usize>inSize) << 2;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    for (let unit = begin, end = begin + me.held; unit < end; unit++) {
      const n = (unit % groups) * across * PANEL;
      const t = (unit / groups) * ROW_BLOCK;
      const count = min(ROW_BLOCK, rows - t);
      const columns = min(across * PANEL, outSize - n);
      const c = out + <usize>t * outRow + ((<usize>n) << 2);
      for (let i = 0; i < inSize; i += K_BLOCK) {
        const k = min(K_BLOCK, inSize - i);
        const at = (<usize>i) << 2;
        const panelBytes = <usize>k * PANEL_BYTES;
        for (let p = 0, to = me.panels; p < columns; p += PANEL, to += panelBytes) {
          packTransposed(to, weight + <usize>(n + p) * inBytes + at, inBytes, k, min(PANEL, columns - p));
        }
        multiplyPanels(c, outRow, x + <usize>t * inBytes + at, inBytes, me, count, columns, k, i > 0);
      }
      if (bias != 0) addBias(c, outRow, bias + ((<usize>n) << 2), count, columns);
    }
  }
  arrive(me);
}

/**
 * Panels that a unit takes together, where their sums of `length` fit beside each other and four units are left: a row
 * of the result is then written 256 bytes at a time and not 64, and one of A is read once (a step of nano in 0.96 of
 * the time at 8 x 256, in 0.98 at 1 x 256).
 */
function panelsAtOnce(length: i32, columns: i32): i32 {
  return max(1, min(4, min(K_BLOCK / length, columns / (4 * PANEL))));
}

/** Packed panels side by side, a few rows of all of them at a time, so that rows of A and C are at hand. */
function multiplyPanels(
  c: usize,
  cRow: usize,
  a: usize,
  aRow: usize,
  me: Worker,
  rows: i32,
  columns: i32,
  k: i32,
  adds: bool,
): void {
  const panelBytes = <usize>k * PANEL_BYTES;
  const step = columns > PANEL ? ROWS_AT_ONCE : rows;
  for (let m = 0; m < rows; m += step) {
    const count = min(step, rows - m);
    const toC = c + <usize>m * cRow;
    const fromA = a + <usize>m * aRow;
    for (let n = 0, panel = me.panels; n < columns; n += PANEL, panel += panelBytes) {
      const width = min(PANEL, columns - n);
      multiplyPanel(
        toC + ((<usize>n) << 2),
        cRow,
        fromA,
        aRow,
        4,
        panel,
        PANEL_BYTES,
        count,
        width,
        k,
        adds,
        me.tile,
      );
    }
  }
}

function addBias(c: usize, cRow: usize, bias: usize, rows: i32, columns: i32): void {
  for (let t = 0; t < rows; t++, c += cRow) {
    for (let n: usize = 0; n < (<usize>columns) << 2; n += 4)
      store<f32>(c + n, load<f32>(c + n) + load<f32>(bias + n));
  }
}

/** dX [rows, inSize] (+)= dOut [rows, outSize] · weight; rows of dOut are dOutRow bytes apart. */
export function linearBackwardInput(
  me: Worker,
  dX: usize,
  dOut: usize,
  dOutRow: usize,
  weight: usize,
  rows: i32,
  inSize: i32,
  outSize: i32,
  adds: bool,
): void {
  const across = panelsAtOnce(outSize, inSize);
  const groups = (inSize + across * PANEL - 1) / (across * PANEL);
  const units = groups * ((rows + ROW_BLOCK - 1) / ROW_BLOCK);
  const inBytes = (<usize>inSize) << 2;
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    for (let unit = begin, end = begin + me.held; unit < end; unit++) {
      const n = (unit % groups) * across * PANEL;
      const t = (unit / groups) * ROW_BLOCK;
      const count = min(ROW_BLOCK, rows - t);
      const columns = min(across * PANEL, inSize - n);
      const at = (<usize>n) << 2;
      const c = dX + <usize>t * inBytes + at;
      for (let o = 0; o < outSize; o += K_BLOCK) {
        const k = min(K_BLOCK, outSize - o);
        const panelBytes = <usize>k * PANEL_BYTES;
        const from = weight + <usize>o * inBytes + at;
        for (let p = 0, to = me.panels; p < columns; p += PANEL, to += panelBytes) {
          packRows(to, from + ((<usize>p) << 2), inBytes, k, min(PANEL, columns - p));
        }
        const a = dOut + <usize>t * dOutRow + ((<usize>o) << 2);
        multiplyPanels(c, inBytes, a, dOutRow, me, count, columns, k, adds || o > 0);
      }
    }
  }
  arrive(me);
}

/**
 * dWeight [outSize, inSize] += dOutᵀ · x; rows of dOut are dOutRow bytes apart.
 *
 * Both operands are copied into the first cache: up to eight panels of x (32 KB), and a strip of 16 columns of dOut
 * (4 KB) that those panels share. Columns read in place fall into two of the cache's 64 sets where rows are 6 KB apart,
 * and into one at 8 KB (measured, of the peak: 135M q 78 -> 89 %, gate 73 -> 83, a head of 2,048 rows 77 -> 87).
 */
export function linearBackwardWeight(
  me: Worker,
  dWeight: usize,
  dOut: usize,
  dOutRow: usize,
  x: usize,
  rows: i32,
  inSize: i32,
  outSize: i32,
): void {
  const panels = (inSize + PANEL - 1) / PANEL;
  const across = panels < 16 ? 2 : 8;
  const groups = (panels + across - 1) / across;
  const units = groups * ((outSize + OUT_BLOCK - 1) / OUT_BLOCK);
  for (let begin = claim(me, units); begin < units; begin = claim(me, units)) {
    for (let unit = begin, end = begin + me.held; unit < end; unit++) {
      const first = (unit % groups) * across * PANEL;
      const o = (unit / groups) * OUT_BLOCK;
      const width = min(across * PANEL, inSize - first);
      const height = min(OUT_BLOCK, outSize - o);
      for (let t = 0; t < rows; t += T_BLOCK) {
        weightBlock(
          me,
          dWeight,
          dOut,
          dOutRow,
          x,
          t,
          min(T_BLOCK, rows - t),
          inSize,
          first,
          width,
          o,
          height,
        );
      }
    }
  }
  arrive(me);
}

/** Rows [t, t + k) of the sum of dWeight [o, o + height) × [first, first + width). */
function weightBlock(
  me: Worker,
  dWeight: usize,
  dOut: usize,
  dOutRow: usize,
  x: usize,
  t: i32,
  k: i32,
  inSize: i32,
  first: i32,
  width: i32,
  o: i32,
  height: i32,
): void {
  const inBytes = (<usize>inSize) << 2;
  const strip = me.panels;
  const packed = strip + BLOCK_BYTES;
  const row = x + <usize>t * inBytes + ((<usize>first) << 2);
  for (let n = 0, panel = packed; n < width; n += PANEL, panel += BLOCK_BYTES) {
    packRows(panel, row + ((<usize>n) << 2), inBytes, k, min(PANEL, width - n));
  }
  for (let m = 0; m < height; m += PANEL) {
    const count = min(PANEL, height - m);
    packRows(strip, dOut + <usize>t * dOutRow + ((<usize>(o + m)) << 2), dOutRow, k, count);
    const c = dWeight + <usize>(o + m) * inBytes + ((<usize>first) << 2);
    for (let n = 0, panel = packed; n < width; n += PANEL, panel += BLOCK_BYTES) {
      const columns = min(PANEL, width - n);
      const at = c + ((<usize>n) << 2);
      multiplyPanel(at, inBytes, strip, 4, PANEL_BYTES, panel, PANEL_BYTES, count, columns, k, true, me.tile);
    }
  }
}

/** dBias [outSize] += column sums of dOut [rows, outSize], in float64, rows ascending. */
export function biasBackward(me: Worker, dBias: usize, dOut: usize, rows: i32, outSize: i32): void {
  const rowBytes = (<usize>outSize) << 2;
  for (let begin = claim(me, outSize); begin < outSize; begin = claim(me, outSize)) {
    for (let o = begin, end = begin + me.held; o < end; o++) {
      const at = (<usize>o) << 2;
      let sum: f64 = 0;
      for (let t = 0; t < rows; t++) sum += <f64>load<f32>(dOut + <usize>t * rowBytes + at);
      store<f32>(dBias + at, load<f32>(dBias + at) + <f32>sum);
    }
  }
  arrive(me);
}
