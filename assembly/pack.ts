// File blocks to packed rows, once, at load: the same numbers in another order, nothing rounded. Mirrors: the
// decoders of src/quant. What the packed records look like stands in linear-q4.ts, linear-q8.ts, linear-dense.ts.

import { f32At } from './linear-q4';
import { groupAt, Matrix } from './memory';
import { decodeSuperBlock } from './pack-k';

// Numbers of the file types, in the order of src/wasm/layout.ts.
const TYPE_F32: i32 = 0;
const TYPE_F16: i32 = 1;
const TYPE_BF16: i32 = 2;
const TYPE_Q4_0: i32 = 3;
const TYPE_Q4_1: i32 = 4;
const TYPE_Q5_0: i32 = 5;
const TYPE_Q5_1: i32 = 6;
const TYPE_Q8_0: i32 = 7;
const TYPE_IQ4_NL: i32 = 8;
const TYPE_Q4_K: i32 = 11;

const IQ4_VALUES = memory.data<i8>([
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
]);

/**
 * Rows [first, first + count) of a matrix, from file blocks at `src`, to the zeroed groups of `matrix`.
 *
 * @param scratch 512 bytes
 */
export function pack(
  dtype: i32,
  matrix: Matrix,
  first: i32,
  count: i32,
  src: usize,
  rowBytes: usize,
  scratch: usize,
): void {
  const inSize = matrix.inSize;
  for (let o = first; o < first + count; o++, src += rowBytes) {
    const group = groupAt(matrix.groups, matrix.groupBytes, matrix.halfHead, o >> 3);
    const row = <usize>(o & 7);
    if (dtype == TYPE_F32) packPlain(group, row, src, inSize, 2);
    else if (dtype == TYPE_F16 || dtype == TYPE_BF16) packPlain(group, row, src, inSize, 1);
    else if (dtype == TYPE_Q4_0) packQ4(group, row, src, inSize, false);
    else if (dtype == TYPE_Q4_1) packQ4(group, row, src, inSize, true);
    else if (dtype == TYPE_Q8_0) packQ8(group, row, src, inSize);
    else if (dtype == TYPE_Q5_0 || dtype == TYPE_IQ4_NL) packToQ8(dtype, group, row, src, inSize, scratch);
    else if (dtype == TYPE_Q5_1) packQ5Wide(group, row, src, inSize, scratch);
    else if (dtype == TYPE_Q4_K) packQ4Wide(group, row, src, inSize, scratch);
    else packQ8Wide(dtype, group, row, src, inSize, scratch);
  }
}

/** Values of 1 << shift bytes, eight rows side by side. */
function packPlain(group: usize, row: usize, src: usize, inSize: i32, bits: usize): void {
  for (let i: usize = 0, count = <usize>inSize; i < count; i++) {
    if (bits == 2) store<u32>(group + (i << 5) + (row << 2), load<u32>(src + (i << 2)));
    else store<u16>(group + (i << 4) + (row << 1), load<u16>(src + (i << 1)));
  }
}

/** Eight nibbles (bytes of n, columns 8t … 8t + 7) as two 16-bit lanes: even columns, then odd ones. */
@inline
function nibbles8(n: u64): u32 {
  let even = n & 0x000f000f000f000f;
  let odd = (n >> 8) & 0x000f000f000f000f;
  even = (even | (even >> 12)) & 0x000000ff000000ff;
  odd = (odd | (odd >> 12)) & 0x000000ff000000ff;
  even = (even | (even >> 24)) & 0xffff;
  odd = (odd | (odd >> 24)) & 0xffff;
  return <u32>(even | (odd << 16));
}

/** Columns 8t … of a row in a 4-bit record whose nibbles begin at `nibbles`. */
@inline
function nibblesAt(nibbles: usize, row: usize, t: usize): usize {
  return nibbles + t * 32 + (row >> 2) * 16 + (row & 3) * 4;
}

function packQ4(group: usize, row: usize, src: usize, inSize: i32, hasMin: bool): void {
  const start: usize = hasMin ? 4 : 2;
  const nibbles: usize = hasMin ? 32 : 16;
  for (let b = inSize >> 5; b > 0; b--, group += nibbles + 128, src += start + 16) {
    store<u16>(group + row * 2, load<u16>(src));
    if (hasMin) store<u16>(group + 16 + row * 2, load<u16>(src, 2));
    for (let half: usize = 0; half < 2; half++) {
      const bytes = load<u64>(src + start + half * 8);
      store<u32>(nibblesAt(group + nibbles, row, half), nibbles8(bytes & 0x0f0f0f0f0f0f0f0f));
      store<u32>(nibblesAt(group + nibbles, row, half + 2), nibbles8((bytes >> 4) & 0x0f0f0f0f0f0f0f0f));
    }
  }
}

@inline
function storeInts(bytes: usize, row: usize, src: usize, columns: usize): void {
  for (let i: usize = 0; i < columns; i += 2) store<u16>(bytes + i * 8 + row * 2, load<u16>(src + i));
}

function packQ8(group: usize, row: usize, src: usize, inSize: i32): void {
  for (let b = inSize >> 5; b > 0; b--, group += 272, src += 34) {
    store<u16>(group + row * 2, load<u16>(src));
    storeInts(group + 16, row, src + 2, 32);
  }
}

/** 32 five-bit numbers (0 to 31): nibbles at `low`, fifth bits at `high`. */
function fiveBits(ints: usize, low: usize, high: usize): void {
  const fifth = load<u32>(high);
  for (let j: usize = 0; j < 16; j++) {
    const byte = load<u8>(low + j);
    store<u8>(ints + j, (byte & 15) | ((<u8>((fifth >> <u32>j) & 1)) << 4));
    store<u8>(ints + j + 16, (byte >> 4) | ((<u8>((fifth >> <u32>(j + 16)) & 1)) << 4));
  }
}

/** Q5_0: (q - 16) d. IQ4_NL: a table of 16 values, times d. */
function packToQ8(dtype: i32, group: usize, row: usize, src: usize, inSize: i32, scratch: usize): void {
  const blockBytes: usize = dtype == TYPE_Q5_0 ? 22 : 18;
  for (let b = inSize >> 5; b > 0; b--, group += 272, src += blockBytes) {
    store<u16>(group + row * 2, load<u16>(src));
    if (dtype == TYPE_Q5_0) {
      fiveBits(scratch, src + 6, src + 2);
      for (let j: usize = 0; j < 32; j++) store<i8>(scratch + j, <i8>(<i32>load<u8>(scratch + j) - 16));
    } else {
      for (let j: usize = 0; j < 16; j++) {
        const byte = load<u8>(src + 2 + j);
        store<i8>(scratch + j, load<i8>(IQ4_VALUES + <usize>(byte & 15)));
        store<i8>(scratch + j + 16, load<i8>(IQ4_VALUES + <usize>(byte >> 4)));
      }
    }
    storeInts(group + 16, row, scratch, 32);
  }
}

/** Scale and minimum of one row of a wide record. */
@inline
function storeScales(group: usize, row: usize, d: f32, m: f32): void {
  store<f32>(group + row * 4, d);
  store<f32>(group + 32 + row * 4, m);
}

function packQ5Wide(group: usize, row: usize, src: usize, inSize: i32, scratch: usize): void {
  for (let b = inSize >> 5; b > 0; b--, src += 24) {
    fiveBits(scratch, src + 8, src + 4);
    for (let half: usize = 0; half < 2; half++, group += 192) {
      storeScales(group, row, f32At(false, src, 0), f32At(false, src, 1));
      storeInts(group + 64, row, scratch + half * 16, 16);
    }
  }
}

function packQ4Wide(group: usize, row: usize, src: usize, inSize: i32, scratch: usize): void {
  for (let b = inSize >> 8; b > 0; b--) {
    src += decodeSuperBlock(TYPE_Q4_K, src, scratch);
    for (let k: usize = 0; k < 8; k++, group += 192) {
      // Both halves of 32 columns have the same scale here.
      storeScales(group, row, f32At(true, scratch + 256, 2 * k), f32At(true, scratch + 320, 2 * k));
      for (let t: usize = 0; t < 4; t++) {
        store<u32>(nibblesAt(group + 64, row, t), nibbles8(load<u64>(scratch + k * 32 + t * 8)));
      }
    }
  }
}

function packQ8Wide(dtype: i32, group: usize, row: usize, src: usize, inSize: i32, scratch: usize): void {
  for (let b = inSize >> 8; b > 0; b--) {
    src += decodeSuperBlock(dtype, src, scratch);
    for (let k: usize = 0; k < 16; k++, group += 192) {
      storeScales(group, row, f32At(true, scratch + 256, k), f32At(true, scratch + 320, k));
      storeInts(group + 64, row, scratch + k * 16, 16);
    }
  }
}
