// Keys and values of past positions. Mirror: src/reference/kv-cache.ts. A page holds PAGE positions of every layer:
//
//   page:   layer 0 │ layer 1 │ …            layer:  key head 0 │ key head 1 │ …
//   head:   keys [PAGE / 8][headDim][8]      8 neighbouring positions side by side: the panel of a score
//           values [slices][PAGE][8]         8 neighbouring dimensions side by side: the panel of a weighted sum
//           int8 only: key scales [PAGE], value scales [PAGE] f32
//
// slices = headDim / 8, rounded up. A page is also a part: the unit in which attention sums over positions.

import { checkPlaces } from './checks';
import { normalHalfOf } from './half';
import { Cache, F32, INT8, RowPlace, Worker } from './memory';
import { arrive, claim } from './team';

export const PAGE: i32 = 128;

/** Keys of one head in the page of position pos. */
@inline
export function headAt(cache: Cache, layer: i32, kvHead: i32, page: i32): usize {
  return (
    load<usize>(cache.pages + ((<usize>page) << 2)) +
    <usize>layer * <usize>cache.layerBytes +
    <usize>kvHead * <usize>cache.headBytes
  );
}

/** Scales of int8 keys (offset 0) and values (PAGE · 4) of a head. */
@inline
export function scalesAt(cache: Cache, head: usize): usize {
  return head + <usize>cache.headBytes - <usize>PAGE * 8;
}

@inline
function storeAs(kind: i32, ptr: usize, index: usize, value: f32): void {
  if (kind == F32) store<f32>(ptr + index * 4, value);
  else store<u16>(ptr + index * 2, normalHalfOf(value));
}

/** 8 dimensions from `dim` on of a key at pos; `values` [8]. f32 and f16. */
export function storeKey8(cache: Cache, layer: i32, kvHead: i32, pos: i32, dim: i32, values: usize): void {
  const kind = cache.kind;
  const inPage = pos & (PAGE - 1);
  const head = headAt(cache, layer, kvHead, pos / PAGE);
  const count = <usize>min(8, cache.headDim - dim);
  const first = (<usize>(inPage >> 3) * <usize>cache.headDim + <usize>dim) * 8 + <usize>(inPage & 7);
  for (let i: usize = 0; i < count; i++) storeAs(kind, head, first + i * 8, load<f32>(values + i * 4));
}

/** 8 dimensions from `dim` on (dim % 8 == 0) of a value at pos; `values` [8]. f32 and f16. */
export function storeValue8(cache: Cache, layer: i32, kvHead: i32, pos: i32, dim: i32, values: usize): void {
  const kind = cache.kind;
  const ptr = headAt(cache, layer, kvHead, pos / PAGE) + <usize>cache.valueOffset;
  const first = (<usize>(dim >> 3) * <usize>PAGE + <usize>(pos & (PAGE - 1))) * 8;
  const count = <usize>min(8, cache.headDim - dim);
  for (let i: usize = 0; i < count; i++) storeAs(kind, ptr, first + i, load<f32>(values + i * 4));
}

/** One head to int8, one scale: max|x| / 127. */
function storeInt8(
  ptr: usize,
  stride: usize,
  sliceStride: usize,
  x: usize,
  headDim: i32,
  scale: usize,
): void {
  let maxAbs: f32 = 0;
  for (let i = 0; i < headDim; i++) maxAbs = max(maxAbs, abs<f32>(load<f32>(x + ((<usize>i) << 2))));
  const inverse: f32 = maxAbs == 0 ? 0 : <f32>127.0 / maxAbs;
  store<f32>(scale, maxAbs / <f32>127.0);
  for (let i = 0; i < headDim; i++) {
    const rounded = <i32>nearest<f32>(load<f32>(x + ((<usize>i) << 2)) * inverse);
    store<i8>(ptr + <usize>(i >> 3) * sliceStride + <usize>(i & 7) * stride, <i8>rounded);
  }
}

/** k and v [rows, numKvHeads, headDim] to the places of their rows. */
export function remember(me: Worker, k: usize, v: usize, layer: i32, rows: i32): void {
  if (!ASC_NO_ASSERT) checkPlaces(me, rows, layer);
  const places = me.places;
  for (let begin = claim(me, rows); begin < rows; begin = claim(me, rows)) {
    for (let t = begin, end = begin + me.held; t < end; t++) {
      const place = changetype<RowPlace>(places + <usize>t * offsetof<RowPlace>());
      rememberRow(place.cache, k, v, layer, t, place.pos);
    }
  }
  arrive(me);
}

function rememberRow(cache: Cache, k: usize, v: usize, layer: i32, t: i32, pos: i32): void {
  const headDim = cache.headDim;
  for (let h = 0; h < cache.numKvHeads; h++) {
    const from = (<usize>((t * cache.numKvHeads + h) * headDim)) << 2;
    if (cache.kind == INT8) {
      const head = headAt(cache, layer, h, pos / PAGE);
      const inPage = <usize>(pos & (PAGE - 1));
      const keys = head + (inPage >> 3) * <usize>headDim * 8 + (inPage & 7);
      const values = head + <usize>cache.valueOffset + inPage * 8;
      const scales = scalesAt(cache, head) + inPage * 4;
      storeInt8(keys, 8, 64, k + from, headDim, scales);
      storeInt8(values, 1, <usize>PAGE * 8, v + from, headDim, scales + <usize>PAGE * 4);
    } else {
      for (let dim = 0; dim < headDim; dim += 8) {
        storeKey8(cache, layer, h, pos, dim, k + from + ((<usize>dim) << 2));
        storeValue8(cache, layer, h, pos, dim, v + from + ((<usize>dim) << 2));
      }
    }
  }
}
