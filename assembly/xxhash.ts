// XXH64 with seed 0. The plain version is src/data/hash/xxhash64.ts.

const PRIME1: u64 = 0x9e3779b185ebca87;
const PRIME2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME3: u64 = 0x165667b19e3779f9;
const PRIME4: u64 = 0x85ebca77c2b2ae63;
const PRIME5: u64 = 0x27d4eb2f165667c5;

@inline
function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * PRIME2, 31) * PRIME1;
}

@inline
function merged(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * PRIME1 + PRIME4;
}

export function xxhash64(text: usize, length: u32): u64 {
  const end = text + length;
  let hash = PRIME5;
  if (length >= 32) {
    let lane0 = PRIME1 + PRIME2;
    let lane1 = PRIME2;
    let lane2: u64 = 0;
    let lane3: u64 = 0 - PRIME1;
    for (; text + 32 <= end; text += 32) {
      lane0 = round(lane0, load<u64>(text));
      lane1 = round(lane1, load<u64>(text, 8));
      lane2 = round(lane2, load<u64>(text, 16));
      lane3 = round(lane3, load<u64>(text, 24));
    }
    hash = rotl<u64>(lane0, 1) + rotl<u64>(lane1, 7) + rotl<u64>(lane2, 12) + rotl<u64>(lane3, 18);
    hash = merged(merged(merged(merged(hash, lane0), lane1), lane2), lane3);
  }
  hash += length;
  for (; text + 8 <= end; text += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(text)), 27) * PRIME1 + PRIME4;
  if (text + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(text) * PRIME1), 23) * PRIME2 + PRIME3;
    text += 4;
  }
  for (; text < end; text++) hash = rotl<u64>(hash ^ (<u64>load<u8>(text) * PRIME5), 11) * PRIME1;
  hash = (hash ^ (hash >> 33)) * PRIME2;
  hash = (hash ^ (hash >> 29)) * PRIME3;
  return hash ^ (hash >> 32);
}
