// What kernels take for granted of their arguments, as asserts of the debug build: addresses in memory and aligned,
// shapes that fit together, positions that have a page. Release builds have no trace of them: every call stands
// behind `if (!ASC_NO_ASSERT)`.

import { Cache, F32, Matrix, RowPlace, Worker } from './memory';

/** Most rows of one call: places, ids and quantised rows are made for this many (src/wasm/layout.ts). */
const MAX_ROWS: i32 = 128;
const PAGE: i32 = 128;
/** Every block of the arena begins on a cache line (src/wasm/arena.ts). */
const LINE: usize = 64;

function isInside(ptr: usize, bytes: usize): bool {
  return ptr >= __heap_base && <u64>ptr + <u64>bytes <= (<u64>memory.size()) << 16;
}

/** A run of float32 values. */
export function checkValues(ptr: usize, length: i32): void {
  assert((ptr & 3) == 0, 'values: expected an address that 4 divides');
  assert(length > 0, 'values: expected at least one');
  assert(isInside(ptr, (<usize>length) << 2), 'values: expected an address in linear memory');
}

/** Two runs of float32 values that must not share any. */
export function checkApart(a: usize, aLength: i32, b: usize, bLength: i32): void {
  checkValues(a, aLength);
  checkValues(b, bLength);
  const isApart = a + ((<usize>aLength) << 2) <= b || b + ((<usize>bLength) << 2) <= a;
  assert(isApart, 'out: expected no overlap with an input');
}

/** A worker between two operations, and the rows of the next one. */
export function checkWorker(me: Worker, rows: i32): void {
  assert(rows >= 1 && rows <= MAX_ROWS, 'rows: expected 1 to 128');
  assert(me.index >= 0 && me.index < me.numWorkers, 'worker: expected an index within its team');
  assert(me.held == 0, 'worker: expected no claims of an operation before');
  const scratch = me.tile | me.panels | me.attention | me.places | me.sharedInts | me.control;
  assert((scratch & (LINE - 1)) == 0, 'worker: expected scratch on cache lines');
}

/** Packed weights, and scratch that is large enough for them. */
export function checkMatrix(me: Worker, weight: Matrix): void {
  assert(weight.kind >= 0 && weight.kind <= F32 + 2, 'matrix: expected a known kind');
  assert(weight.outSize > 0 && weight.inSize > 0, 'matrix: expected rows and columns');
  if (weight.kind < F32) assert(weight.inSize % weight.blockSize == 0, 'matrix: expected whole blocks');
  const bytes = <usize>((weight.outSize + 7) >> 3) * <usize>weight.groupBytes;
  assert((weight.groups & (LINE - 1)) == 0, 'matrix: expected groups on cache lines');
  assert(isInside(weight.groups, bytes), 'matrix: expected groups in linear memory');
  assert(me.panelBytes >= (weight.inSize / 16) * 320, 'matrix: expected scratch for its columns');
}

/** out [rows, outSize] = x [rows, inSize] · weightᵀ (+ bias). */
export function checkProduct(me: Worker, out: usize, x: usize, rows: i32, weight: Matrix, bias: usize): void {
  checkWorker(me, rows);
  checkMatrix(me, weight);
  checkApart(out, rows * weight.outSize, x, rows * weight.inSize);
  if (bias != 0) checkValues(bias, weight.outSize);
}

/** Positions of rows that the kernel reads or writes in `layer` of their caches. */
export function checkPlaces(me: Worker, rows: i32, layer: i32): void {
  checkWorker(me, rows);
  for (let t = 0; t < rows; t++) {
    const place = changetype<RowPlace>(me.places + <usize>t * offsetof<RowPlace>());
    assert(place.pos >= 0, 'place: expected a position');
    checkPage(place.cache, place.pos / PAGE, layer);
  }
}

function checkPage(cache: Cache, page: i32, layer: i32): void {
  assert(isInside(changetype<usize>(cache), offsetof<Cache>()), 'place: expected a cache in linear memory');
  assert(page < cache.maxParts, 'place: expected a position within the cache');
  assert(layer >= 0, 'layer: expected 0 or more');
  const ptr = load<usize>(cache.pages + ((<usize>page) << 2));
  assert((ptr & (LINE - 1)) == 0, 'page: expected an address on a cache line');
  assert(isInside(ptr, <usize>(layer + 1) * <usize>cache.layerBytes), 'page: expected one that was reserved');
}

export function checkIds(ids: usize, rows: i32, table: Matrix): void {
  for (let t = 0; t < rows; t++) {
    const id = load<i32>(ids + ((<usize>t) << 2));
    assert(id >= 0 && id < table.outSize, 'ids: expected rows of the table');
  }
}
