import type { Learner } from './learner.ts';

function half(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const e = (bits >> 10) & 31;
  const f = bits & 1023;
  return e === 0 ? sign * f * 2 ** -24 : sign * (1 + f / 1024) * 2 ** (e - 15);
}
const le = (b: Uint8Array, at: number) => half(b[at] | (b[at + 1] << 8));

/** Block by block, with the value of nibble q and its place. */
function decoded(
  bytes: Uint8Array,
  read: (b: Uint8Array, at: number) => number,
  value: (d: number, q: number, m: number) => number,
  place: (i: number) => [low: number, high: number],
): Float64Array {
  const out = new Float64Array((bytes.length / 20) * 32);
  for (let b = 0; b < bytes.length / 20; b++) {
    const [d, m] = [read(bytes, b * 20), read(bytes, b * 20 + 2)];
    for (let i = 0; i < 16; i++) {
      const byte = bytes[b * 20 + 4 + i];
      const [low, high] = place(i);
      out[b * 32 + low] = value(d, byte % 16, m);
      out[b * 32 + high] = value(d, Math.floor(byte / 16), m);
    }
  }
  return out;
}
const plain = (d: number, q: number, m: number) => d * q + m;
const halves = (i: number): [number, number] => [i, i + 16];

export const right: Learner[] = [
  {
    what: 'a DataView, float16 by way of float32 bits, an ordinary list',
    solution: (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const scratch = new DataView(new ArrayBuffer(4));
      const f16 = (at: number) => {
        const h = view.getUint16(at, true);
        scratch.setUint32(0, ((h & 0x8000) << 16) | ((h & 0x7fff) << 13));
        return scratch.getFloat32(0) * 2 ** 112;
      };
      const out: number[] = [];
      for (let at = 0; at < bytes.length; at += 20) {
        const qs = [...bytes.subarray(at + 4, at + 20)];
        for (const q of [...qs.map((b) => b & 0xf), ...qs.map((b) => b >>> 4)])
          out.push(f16(at) * q + f16(at + 2));
      }
      return out;
    },
  },
  {
    what: 'float32 out, the number asks for its byte',
    solution: (bytes: Uint8Array) =>
      Float32Array.from({ length: (bytes.length / 20) * 32 }, (_, n) => {
        const block = Math.floor(n / 32) * 20;
        const i = n % 32;
        const q = i < 16 ? bytes[block + 4 + i] & 15 : bytes[block + 4 + i - 16] >> 4;
        return le(bytes, block) * q + le(bytes, block + 2);
      }),
  },
];

export const wrong: Learner[] = [
  {
    what: 'the halves of a byte are neighbours',
    name: 'interleaved',
    solution: (bytes: Uint8Array) => decoded(bytes, le, plain, (i) => [2 * i, 2 * i + 1]),
  },
  {
    what: 'q − 8, as Q4_0 does',
    name: 'minus-eight',
    solution: (bytes: Uint8Array) => decoded(bytes, le, (d, q, m) => d * (q - 8) + m, halves),
  },
  {
    what: 'exponent 0 read like any other: no subnormal numbers',
    name: 'leading-one-always',
    solution: (bytes: Uint8Array) =>
      decoded(
        bytes,
        (b, at) => {
          const h = b[at] + 256 * b[at + 1];
          return (h & 0x8000 ? -1 : 1) * (1 + (h & 0x3ff) / 1024) * 2 ** (((h >> 10) & 0x1f) - 15);
        },
        plain,
        halves,
      ),
  },
  {
    what: 'high byte first',
    name: 'big-endian',
    solution: (bytes: Uint8Array) => decoded(bytes, (b, at) => half((b[at] << 8) | b[at + 1]), plain, halves),
  },
  {
    what: 'the sign bit is forgotten',
    name: 'no-sign',
    solution: (bytes: Uint8Array) =>
      decoded(bytes, (b, at) => half((b[at] | (b[at + 1] << 8)) & 0x7fff), plain, halves),
  },
  {
    what: 'high half first: low and high four bits exchanged',
    name: 'high-first',
    solution: (bytes: Uint8Array) => decoded(bytes, le, plain, (i) => [i + 16, i]),
  },
  {
    what: 'd · (q + m)',
    name: 'minimum-inside',
    missedAtFirst: true,
    solution: (bytes: Uint8Array) => decoded(bytes, le, (d, q, m) => d * (q + m), halves),
  },
];
