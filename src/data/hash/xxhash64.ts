// XXH64 with seed 0 (Collet, xxHash specification 0.1.1), plainly: the page to read beside the kernel.

const PRIME1 = 0x9e3779b185ebca87n;
const PRIME2 = 0xc2b2ae3d27d4eb4fn;
const PRIME3 = 0x165667b19e3779f9n;
const PRIME4 = 0x85ebca77c2b2ae63n;
const PRIME5 = 0x27d4eb2f165667c5n;

/** @returns a whole number below 2^64 */
export function xxhash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = PRIME5;
  if (bytes.length >= 32) {
    const lanes = [u64(PRIME1 + PRIME2), PRIME2, 0n, u64(-PRIME1)];
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], view.getBigUint64(at + 8 * i, true));
    hash = [1n, 7n, 12n, 18n].reduce((sum, k, i) => sum + rotateLeft(lanes[i], k), 0n);
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * PRIME1 + PRIME4);
  }
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    hash = u64(rotateLeft(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME1 + PRIME4);
  if (at + 4 <= bytes.length) {
    hash ^= u64(BigInt(view.getUint32(at, true)) * PRIME1);
    hash = u64(rotateLeft(hash, 23n) * PRIME2 + PRIME3);
    at += 4;
  }
  for (; at < bytes.length; at++)
    hash = u64(rotateLeft(hash ^ u64(BigInt(bytes[at]) * PRIME5), 11n) * PRIME1);
  return avalanche(hash);
}

function round(lane: bigint, input: bigint): bigint {
  return u64(rotateLeft(u64(lane + input * PRIME2), 31n) * PRIME1);
}

function avalanche(hash: bigint): bigint {
  const second = u64((hash ^ (hash >> 33n)) * PRIME2);
  const third = u64((second ^ (second >> 29n)) * PRIME3);
  return third ^ (third >> 32n);
}

function rotateLeft(x: bigint, k: bigint): bigint {
  return u64((u64(x) << k) | (u64(x) >> (64n - k)));
}

function u64(x: bigint): bigint {
  return BigInt.asUintN(64, x);
}
