// MinHash signatures: a binary of its own (dist/wasm/minhash.wasm). The plain version is
// src/data/minhash/signature.ts, the caller src/data/minhash/kernel.ts. Whole numbers only: every bit is the plain
// version's. Addresses are the caller's; nothing is allocated here.

import { addBlock, begin, first64, loadOneBlock, MAX_ONE_BLOCK, sha1Long } from './sha1';
import { xxhash64 } from './xxhash';

/** 2^61 - 1 */
const PRIME: u64 = 0x1fffffffffffffff;
const SPACE: u8 = 32;

/** First address after the constants. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * Where the words begin: starts[0] = 0, then behind each space; the last entry, starts[words], is length + 1.
 *
 * @param text   [length] words with one space between them
 * @param starts [number of words + 1], u32
 * @returns the number of words
 */
export function findWords(text: usize, length: u32, starts: usize): u32 {
  let words: u32 = 0;
  store<u32>(starts, 0);
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(text + i) == SPACE) store<u32>(starts + (++words << 2), i + 1);
  }
  store<u32>(starts + (++words << 2), length + 1);
  return words;
}

/**
 * Hashes of all shingles of `size` words, in no particular order.
 *
 * @param hashes  [count] u64
 * @param text    readable 64 bytes beyond its end
 * @param scratch 1360 bytes: the schedule of SHA-1 and its state
 */
export function hashSha1(
  hashes: usize,
  text: usize,
  starts: usize,
  count: u32,
  size: u32,
  scratch: usize,
): void {
  const state = scratch + 1280;
  let lane: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = load<u32>(starts + (i << 2));
    const length = load<u32>(starts + ((i + size) << 2)) - 1 - at;
    if (length > MAX_ONE_BLOCK) continue;
    loadOneBlock(scratch, lane++, text + at, length);
    if (lane < 4) continue;
    begin(state);
    addBlock(scratch, state);
    for (let l: usize = 0; l < 4; l++, hashes += 8) store<u64>(hashes, first64(state, l));
    lane = 0;
  }
  if (lane > 0) {
    begin(state);
    addBlock(scratch, state);
    for (let l: usize = 0; l < lane; l++, hashes += 8) store<u64>(hashes, first64(state, l));
  }
  // The long ones apart, so that they do not disturb the lanes.
  for (let i: u32 = 0; i < count; i++) {
    const at = load<u32>(starts + (i << 2));
    const length = load<u32>(starts + ((i + size) << 2)) - 1 - at;
    if (length <= MAX_ONE_BLOCK) continue;
    store<u64>(hashes, sha1Long(scratch, state, text + at, length));
    hashes += 8;
  }
}

/** The same with XXH64. */
export function hashXxhash(hashes: usize, text: usize, starts: usize, count: u32, size: u32): void {
  for (let i: u32 = 0; i < count; i++, hashes += 8) {
    const at = load<u32>(starts + (i << 2));
    store<u64>(hashes, xxhash64(text + at, load<u32>(starts + ((i + size) << 2)) - 1 - at));
  }
}

/** (x·a + b) mod 2^64 mod PRIME: 2^61 is 1 modulo PRIME, so the upper three bits are added to the lower 61. */
@inline
function place(x: u64, a: u64, b: u64): u64 {
  const product = x * a + b;
  const folded = (product & PRIME) + (product >> 61);
  return folded >= PRIME ? folded - PRIME : folded;
}

@inline
function least(x: u64, y: u64): u64 {
  return x < y ? x : y;
}

/**
 * signature[h] = the least of itself and of all places of the shingles under map h.
 *
 * @param signature [numHashes] u64, PRIME at the beginning
 * @param maps      [numHashes, 2] u64: a and b
 * @param hashes    [count] u64
 */
export function lower(signature: usize, maps: usize, numHashes: u32, hashes: usize, count: u32): void {
  const end = hashes + (count << 3);
  let h: u32 = 0;
  // Two maps at a time: one load of the hash serves both, and their chains of comparisons overlap.
  for (; h + 2 <= numHashes; h += 2, signature += 16, maps += 32) {
    const a0 = load<u64>(maps);
    const b0 = load<u64>(maps, 8);
    const a1 = load<u64>(maps, 16);
    const b1 = load<u64>(maps, 24);
    let least0 = load<u64>(signature);
    let least1 = load<u64>(signature, 8);
    for (let at = hashes; at < end; at += 8) {
      const x = load<u64>(at);
      least0 = least(place(x, a0, b0), least0);
      least1 = least(place(x, a1, b1), least1);
    }
    store<u64>(signature, least0);
    store<u64>(signature, least1, 8);
  }
  if (h == numHashes) return;
  let last = load<u64>(signature);
  for (let at = hashes; at < end; at += 8) {
    last = least(place(load<u64>(at), load<u64>(maps), load<u64>(maps, 8)), last);
  }
  store<u64>(signature, last);
}
