// SHA-1 (FIPS 180-4), plainly: the page to read beside the kernel. Here it names shingles, not secrets.

const CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];

/**
 * The first eight bytes of SHA-1, read as a little-endian number: datatrove's `sha1_hash64`.
 *
 * @param bytes any length; a message of up to 55 bytes is one block of 64
 * @returns a whole number below 2^64
 */
export function sha1First64(bytes: Uint8Array): bigint {
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const padded = pad(bytes);
  for (let offset = 0; offset < padded.byteLength; offset += 64) addBlock(state, padded, offset);
  // The digest is big-endian; its first eight bytes are words 0 and 1.
  return BigInt(byteSwapped(state[0])) | (BigInt(byteSwapped(state[1])) << 32n);
}

/** The message, a bit 1, zeros, and the length in bits as 64-bit big-endian: whole blocks of 64 bytes. */
function pad(bytes: Uint8Array): DataView {
  const padded = new Uint8Array(((bytes.length + 8) >> 6) * 64 + 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  return view;
}

/** One compression: 80 rounds over five words. @param state [5], changed in place */
function addBlock(state: Uint32Array, message: DataView, offset: number): void {
  const w = new Uint32Array(80);
  for (let t = 0; t < 16; t++) w[t] = message.getUint32(offset + 4 * t);
  for (let t = 16; t < 80; t++) w[t] = rotateLeft(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  let [a, b, c, d, e] = state;
  for (let t = 0; t < 80; t++) {
    const next = (rotateLeft(a, 5) + mixed(t, b, c, d) + e + CONSTANTS[(t / 20) | 0] + w[t]) | 0;
    [a, b, c, d, e] = [next, a, rotateLeft(b, 30), c, d];
  }
  for (const [i, word] of [a, b, c, d, e].entries()) state[i] += word;
}

/** Choose, parity, majority, parity: one for each 20 rounds. */
function mixed(t: number, b: number, c: number, d: number): number {
  if (t < 20) return (b & c) | (~b & d);
  if (t >= 40 && t < 60) return (b & c) | (b & d) | (c & d);
  return b ^ c ^ d;
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

function byteSwapped(x: number): number {
  return ((x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0;
}
