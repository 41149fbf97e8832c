// SHA-1 of four short messages at once, one in each lane (FIPS 180-4). The plain version is src/data/hash/sha1.ts.
// All arithmetic is exact, so lanes change no bit. Scratch that the caller hands over:
//
//     w      80 × v128   the schedule, word t of the four messages
//     state   5 × v128   a, b, c, d, e

/** Of a block of 64 bytes: which are text (64 × 0xff, then zeros), and where the bit after it goes (zeros, 0x80). */
const KEEP = memory.data<u64>([-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0], 16);
const END = memory.data<u64>([0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], 16);

/** Bytes of a message that still fit one block beside the end mark and the length. */
export const MAX_ONE_BLOCK: u32 = 55;

@inline
function rotateLeft(x: v128, k: i32): v128 {
  return v128.or(i32x4.shl(x, k), i32x4.shr_u(x, 32 - k));
}

/** Reads 64 bytes at text, of which length are the message's: text must be readable that far. */
@inline
function loadPart(w: usize, lane: usize, text: usize, length: usize, part: usize): void {
  const mask = KEEP + 64 - length + part;
  const mark = END + 64 - length + part;
  const bytes = v128.or(v128.and(v128.load(text + part), v128.load(mask)), v128.load(mark));
  const swapped = v128.shuffle<u8>(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  // Word t of this lane stands at w + 16 t + 4 lane.
  const to = w + (part << 2) + (lane << 2);
  store<i32>(to, i32x4.extract_lane(swapped, 0));
  store<i32>(to, i32x4.extract_lane(swapped, 1), 16);
  store<i32>(to, i32x4.extract_lane(swapped, 2), 32);
  store<i32>(to, i32x4.extract_lane(swapped, 3), 48);
}

/** A whole message of at most 55 bytes, padded, into one lane of the schedule. */
export function loadOneBlock(w: usize, lane: usize, text: usize, length: u32): void {
  loadPart(w, lane, text, length, 0);
  loadPart(w, lane, text, length, 16);
  loadPart(w, lane, text, length, 32);
  loadPart(w, lane, text, length, 48);
  store<u32>(w + 15 * 16 + (lane << 2), length << 3);
}

export function begin(state: usize): void {
  v128.store(state, i32x4.splat(0x67452301));
  v128.store(state, i32x4.splat(0xefcdab89), 16);
  v128.store(state, i32x4.splat(0x98badcfe), 32);
  v128.store(state, i32x4.splat(0x10325476), 48);
  v128.store(state, i32x4.splat(0xc3d2e1f0), 64);
}

/** One block of each lane: 80 rounds in four groups of 20, five at a time so that the five words change places. */
export function addBlock(w: usize, state: usize): void {
  for (let t = w + 256; t < w + 1280; t += 16) {
    const near = v128.xor(v128.load(t - 48), v128.load(t - 128));
    const mixed = v128.xor(near, v128.xor(v128.load(t - 224), v128.load(t - 256)));
    v128.store(t, rotateLeft(mixed, 1));
  }
  let a = v128.load(state);
  let b = v128.load(state, 16);
  let c = v128.load(state, 32);
  let d = v128.load(state, 48);
  let e = v128.load(state, 64);
  for (let group: i32 = 0; group < 4; group++) {
    const constant = i32x4.splat(
      group == 0 ? 0x5a827999 : group == 1 ? 0x6ed9eba1 : group == 2 ? 0x8f1bbcdc : 0xca62c1d6,
    );
    const end = w + 320;
    for (; w < end; w += 80) {
      e = round(group, a, b, c, d, e, constant, v128.load(w));
      b = rotateLeft(b, 30);
      d = round(group, e, a, b, c, d, constant, v128.load(w, 16));
      a = rotateLeft(a, 30);
      c = round(group, d, e, a, b, c, constant, v128.load(w, 32));
      e = rotateLeft(e, 30);
      b = round(group, c, d, e, a, b, constant, v128.load(w, 48));
      d = rotateLeft(d, 30);
      a = round(group, b, c, d, e, a, constant, v128.load(w, 64));
      c = rotateLeft(c, 30);
    }
  }
  v128.store(state, i32x4.add(v128.load(state), a));
  v128.store(state, i32x4.add(v128.load(state, 16), b), 16);
  v128.store(state, i32x4.add(v128.load(state, 32), c), 32);
  v128.store(state, i32x4.add(v128.load(state, 48), d), 48);
  v128.store(state, i32x4.add(v128.load(state, 64), e), 64);
}

@inline
function round(group: i32, a: v128, b: v128, c: v128, d: v128, e: v128, constant: v128, word: v128): v128 {
  let mixed = v128.xor(b, v128.xor(c, d));
  if (group == 0) mixed = v128.bitselect(c, d, b);
  else if (group == 2) mixed = v128.or(v128.and(b, c), v128.and(d, v128.or(b, c)));
  return i32x4.add(i32x4.add(i32x4.add(rotateLeft(a, 5), mixed), i32x4.add(e, constant)), word);
}

/** The first eight bytes of a lane's digest as a little-endian number. */
export function first64(state: usize, lane: usize): u64 {
  const high = bswap<u32>(load<u32>(state + (lane << 2)));
  const low = bswap<u32>(load<u32>(state + (lane << 2), 16));
  return ((<u64>low) << 32) | <u64>high;
}

/** A message of any length, in lane 0. */
export function sha1Long(w: usize, state: usize, text: usize, length: u32): u64 {
  begin(state);
  let at: u32 = 0;
  for (; at + 64 <= length; at += 64) {
    loadPart(w, 0, text + at, 64, 0);
    loadPart(w, 0, text + at, 64, 16);
    loadPart(w, 0, text + at, 64, 32);
    loadPart(w, 0, text + at, 64, 48);
    addBlock(w, state);
  }
  const rest = length - at;
  loadOneBlock(w, 0, text + at, rest);
  if (rest > MAX_ONE_BLOCK) {
    // No room for the length behind the end mark: it stands alone in one more block. The mark stays where it is:
    // only words 14 and 15 can hold text or the mark where the length would be.
    loadPart(w, 0, text + at, rest, 48);
    addBlock(w, state);
    for (let t: usize = 0; t < 16; t++) store<u32>(w + (t << 4), 0);
  }
  store<u32>(w + 14 * 16, length >> 29);
  store<u32>(w + 15 * 16, length << 3);
  addBlock(w, state);
  return first64(state, 0);
}
