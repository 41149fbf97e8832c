// Grouped-query attention: which rows, heads and parts a worker takes. What is computed, and in which order, stands in
// attention-part.ts. Mirror: src/reference/attend.ts.
//
// Query heads that share keys go together: a tile has up to TILE_ROWS rows and every head of one key head. Parts are
// fixed by position, so neither chunks of a prompt nor workers nor the rows beside it change a bit of a row.

import { combine, gather, gatherPart, partBytesOf, partsOf, SCORES_BYTES, weighPart } from './attention-part';
import { PAGE } from './cache';
import { checkPlaces } from './checks';
import { RowPlace, Worker } from './memory';
import { arrive, claim } from './team';

export const TILE_ROWS: i32 = 8;
/** At most this many rows share one pass over a long context among workers part by part. */
const FEW_ROWS: i32 = 8;

@inline
function placeOf(me: Worker, t: i32): RowPlace {
  return changetype<RowPlace>(me.places + <usize>t * offsetof<RowPlace>());
}

/**
 * q, out [rows, numHeads, headDim]. probs: 0, or where row 0 of [numHeads, probsRows, numPositions] stands, zeroed,
 * to be filled with weights (one worker only).
 */
export function attend(
  me: Worker,
  out: usize,
  q: usize,
  layer: i32,
  rows: i32,
  probs: usize,
  probsRows: i32,
  numPositions: i32,
): void {
  if (!ASC_NO_ASSERT) checkPlaces(me, rows, layer);
  if (me.numWorkers > 1 && rows <= FEW_ROWS) {
    attendFew(me, out, q, layer, rows);
    return;
  }
  const numKvHeads = placeOf(me, 0).cache.numKvHeads;
  const numTiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const numUnits = numTiles * numKvHeads;
  for (let begin = claim(me, numUnits); begin < numUnits; begin = claim(me, numUnits)) {
    for (let u = begin, end = begin + me.held; u < end; u++) {
      // Late rows see more positions: they go first, so that the last units claimed are short.
      const first = (numTiles - 1 - u / numKvHeads) * TILE_ROWS;
      const last = min(first + TILE_ROWS, rows);
      attendTile(me, out, q, layer, first, last, u % numKvHeads, probs, probsRows, numPositions);
    }
  }
  arrive(me);
}

@inline
function follows(me: Worker, first: RowPlace, t: i32, distance: i32): bool {
  const place = placeOf(me, t);
  return place.cache === first.cache && place.pos == first.pos + distance;
}

/** Rows [begin, end) with one key head, in runs of neighbouring positions of one cache. */
function attendTile(
  me: Worker,
  out: usize,
  q: usize,
  layer: i32,
  begin: i32,
  end: i32,
  kvHead: i32,
  probs: usize,
  probsRows: i32,
  numPositions: i32,
): void {
  while (begin < end) {
    const first = placeOf(me, begin);
    const cache = first.cache;
    let stop = begin + 1;
    while (stop < end && follows(me, first, stop, stop - begin)) stop++;
    const heads = cache.numHeads / cache.numKvHeads;
    const numQueries = (stop - begin) * heads;
    const queries = me.attention;
    const scores = queries + ((<usize>(numQueries * cache.headDim)) << 2);
    const parts = scores + <usize>numQueries * SCORES_BYTES;
    const partBytes = partBytesOf(cache);
    gather(queries, q, begin, stop, kvHead * heads, heads, cache);
    const numParts = partsOf(first.pos + stop - 1 - begin);
    for (let part = 0; part < numParts; part++) {
      const at = parts + <usize>(part * numQueries) * partBytes;
      const seen = weighPart(cache, layer, kvHead, part, queries, numQueries, heads, first.pos, scores, at);
      if (probs != 0) {
        const head = kvHead * heads;
        keepWeights(scores, part, begin, stop, head, heads, first.pos, probs, probsRows, numPositions);
      }
      gatherPart(cache, layer, kvHead, part, scores, numQueries, seen, at);
    }
    for (let i = 0; i < numQueries; i++) {
      const t = begin + i / heads;
      const h = kvHead * heads + (i % heads);
      let row: usize = 0;
      if (probs != 0) row = probs + ((<usize>((h * probsRows + t) * numPositions)) << 2);
      const to = out + ((<usize>((t * cache.numHeads + h) * cache.headDim)) << 2);
      const stride = <usize>numQueries * partBytes;
      combine(to, parts + <usize>i * partBytes, stride, placeOf(me, t).pos, cache, row);
    }
    begin = stop;
  }
}

/** Copies e of one part to the rows of probs [numHeads, rows, numPositions]. */
function keepWeights(
  scores: usize,
  part: i32,
  begin: i32,
  end: i32,
  head: i32,
  heads: i32,
  pos: i32,
  probs: usize,
  probsRows: i32,
  numPositions: i32,
): void {
  for (let t = begin; t < end; t++) {
    const valid = min(PAGE, pos + t - begin + 1 - part * PAGE);
    for (let h = 0; h < heads; h++, scores += SCORES_BYTES) {
      if (valid <= 0) continue;
      const row = probs + ((<usize>(((head + h) * probsRows + t) * numPositions + part * PAGE)) << 2);
      memory.copy(row, scores, (<usize>valid) << 2);
    }
  }
}

/**
 * A few rows with many workers: every (row, key head, part) is a unit, so that three key heads do not limit the
 * team; then the parts of every query head are put together. Short contexts split by query head instead.
 */
function attendFew(me: Worker, out: usize, q: usize, layer: i32, rows: i32): void {
  const cache0 = placeOf(me, 0).cache;
  const numHeads = cache0.numHeads;
  let numParts = 0;
  for (let t = 0; t < rows; t++) numParts += partsOf(placeOf(me, t).pos);
  // Heads of one key head stay together where there are enough units without that.
  const group = numHeads / cache0.numKvHeads;
  const heads = numParts * cache0.numKvHeads >= 2 * me.numWorkers ? group : 1;
  const perPart = numHeads / heads;
  const partBytes = partBytesOf(cache0);
  const numUnits = numParts * perPart;
  for (let begin = claim(me, numUnits); begin < numUnits; begin = claim(me, numUnits)) {
    for (let u = begin, end = begin + me.held; u < end; u++) {
      let part = u / perPart;
      let t = 0;
      let firstPart = 0;
      for (let n = partsOf(placeOf(me, t).pos); part >= n; n = partsOf(placeOf(me, t).pos)) {
        part -= n;
        firstPart += n;
        t++;
      }
      const head = (u % perPart) * heads;
      const cache = placeOf(me, t).cache;
      const queries = me.attention;
      const scores = queries + ((<usize>(heads * cache.headDim)) << 2);
      gather(queries, q, t, t + 1, head, heads, cache);
      const to = me.sharedParts + <usize>((firstPart + part) * numHeads + head) * partBytes;
      const kvHead = head / group;
      const pos = placeOf(me, t).pos;
      const seen = weighPart(cache, layer, kvHead, part, queries, heads, heads, pos, scores, to);
      gatherPart(cache, layer, kvHead, part, scores, heads, seen, to);
    }
  }
  arrive(me);
  combineFew(me, out, rows, numHeads, partBytes);
}

function combineFew(me: Worker, out: usize, rows: i32, numHeads: i32, partBytes: usize): void {
  const numUnits = rows * numHeads;
  for (let begin = claim(me, numUnits); begin < numUnits; begin = claim(me, numUnits)) {
    for (let u = begin, end = begin + me.held; u < end; u++) {
      const t = u / numHeads;
      let firstPart = 0;
      for (let before = 0; before < t; before++) firstPart += partsOf(placeOf(me, before).pos);
      const cache = placeOf(me, t).cache;
      const parts = me.sharedParts + <usize>(firstPart * numHeads + (u % numHeads)) * partBytes;
      const to = out + ((<usize>(u * cache.headDim)) << 2);
      combine(to, parts, <usize>numHeads * partBytes, placeOf(me, t).pos, cache, 0);
    }
  }
  arrive(me);
}
