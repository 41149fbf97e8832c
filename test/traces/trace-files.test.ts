import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { parseEvalCallback } from '../../src/traces/eval-callback.ts';
import { readNpy, readNpz } from '../../src/traces/npy.ts';
import { readTrace } from '../../src/traces/trace-file.ts';

/** A `.npy` file, version 1. */
function npy(descr: string, shape: readonly number[], body: Uint8Array, order = 'False'): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${dims}), }`;
  const header = `${dict.padEnd(117)}\n`;
  const out = new Uint8Array(10 + header.length + body.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
  out.set(new TextEncoder().encode(header), 10);
  out.set(body, 10 + header.length);
  return out;
}

const bytesOf = (values: { buffer: ArrayBufferLike }) => new Uint8Array(values.buffer);

/** A zip archive of the given files; `deflated` says which are packed. */
function zip(files: readonly [string, Uint8Array][], deflated = true): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const packed = deflated ? new Uint8Array(deflateRawSync(bytes)) : bytes;
    const nameBytes = new TextEncoder().encode(name);
    const local = new DataView(new ArrayBuffer(30));
    local.setUint32(0, 0x04034b50, true);
    local.setUint16(26, nameBytes.length, true);
    const entry = new DataView(new ArrayBuffer(46));
    entry.setUint32(0, 0x02014b50, true);
    entry.setUint16(10, deflated ? 8 : 0, true);
    entry.setUint32(20, packed.length, true);
    entry.setUint32(24, bytes.length, true);
    entry.setUint16(28, nameBytes.length, true);
    entry.setUint32(42, offset, true);
    parts.push(bytesOf(local), nameBytes, packed);
    directory.push(bytesOf(entry), nameBytes);
    offset += 30 + nameBytes.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(10, files.length, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(Buffer.concat([...parts, ...directory, bytesOf(end)]));
}

const f4 = npy('<f4', [2, 3], bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6)));

describe('npy', () => {
  it.each([
    ['<f8', Float64Array.of(1.5, -2)],
    ['<f4', Float32Array.of(1.5, -2)],
    ['<f2', Uint16Array.of(0x3e00, 0xc000)],
    ['<i8', BigInt64Array.of(7n, -9n)],
    ['<i4', Int32Array.of(7, -9)],
    ['<i2', Int16Array.of(7, -9)],
    ['|i1', Int8Array.of(7, -9)],
    ['|u1', Uint8Array.of(7, 9)],
  ])('reads two values of %s', (descr, values) => {
    const read = readNpy(npy(descr, [2], bytesOf(values)), 'a.npy', 'a');
    const expected = descr === '<f2' ? [1.5, -2] : [...values].map(Number);
    expect([...read.values]).toEqual(expected);
    expect(read.shape).toEqual([2]);
  });

  it('turns column-major arrays round', () => {
    const read = readNpy(npy('<f4', [2, 3], bytesOf(Float32Array.of(1, 4, 2, 5, 3, 6)), 'True'), 'a', 'a');
    expect([...read.values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ['another magic', f4.with(0, 0)],
    ['version 9', f4.with(6, 9)],
    ['a header longer than the file', f4.with(9, 255)],
    ['too few values', f4.subarray(0, f4.length - 1)],
    ['Python objects', npy('|O', [2], new Uint8Array(16))],
    ['big-endian numbers', npy('>f4', [2], new Uint8Array(8))],
    ['more axes than any trace has', npy('<f4', [1, 1, 1, 1, 1, 1, 1, 1, 1], new Uint8Array(4))],
  ])('refuses %s', (_, bytes) => {
    expect(() => readNpy(bytes, 'a.npy', 'a')).toThrow(FormatError);
  });
});

describe('npz', () => {
  it.each([true, false])('reads every array by its name, deflated: %s', async (deflated) => {
    const file = zip(
      [
        ['model.norm.npy', f4],
        ['notes.txt', new Uint8Array(3)],
      ],
      deflated,
    );
    const arrays = await readNpz(bytesSource('a.npz', file));
    expect(arrays.map(({ name, shape }) => [name, shape])).toEqual([['model.norm', [2, 3]]]);
    expect([...arrays[0].values]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('refuses an entry that inflates to more than it says, and one that says more than deflate can hold', async () => {
    const file = zip([['a.npy', new Uint8Array(5000)]]);
    const at = file.length - 22 - 46 - 5 + 24;
    const lying = (size: number) => {
      const copy = file.slice();
      new DataView(copy.buffer).setUint32(at, size, true);
      return readNpz(bytesSource('a.npz', copy));
    };
    await expect(lying(4000)).rejects.toThrow(/expected 4000 bytes when inflated/);
    await expect(lying(2 ** 30)).rejects.toThrow(/at most 268435456 bytes together/);
  });

  it('ends every one of 2000 broken files in success or FormatError', { tags: ['slow'] }, async () => {
    const file = zip([
      ['a.npy', f4],
      ['b.npy', f4],
    ]);
    const broken = fc.tuple(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length));
    await fc.assert(
      fc.asyncProperty(broken, async ([at, byte, length]) => {
        const copy = file.slice(0, Math.max(1, length));
        if (at < copy.length) copy[at] = byte;
        await readNpz(bytesSource('a.npz', copy)).catch((error) => {
          if (!(error instanceof FormatError)) throw error;
        });
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});

const PRINTED = `llama_model_loader: - kv 0: general.architecture str = llama
common_debug_cb_eval:                     Qcur-0 = (f32)    MUL_MAT(blk.0.attn_q.weight{8, 8, 1, 1}, attn_norm-0{8, 2, 1, 1}}) = {8, 2, 1, 1}
                                     [
                                      [
                                       [      0.0001,      -0.0002,       0.0003, ...,       0.0006,       0.0007,       0.0008],
                                       [      1.5000,       2.5000,       3.5000, ...,       6.5000,       7.5000,         -inf],
                                      ],
                                     ]
                                     sum = 1.000000
common_debug_cb_eval:                     Qcur-0 = (f32)       ROPE(Qcur-0 (reshaped){4, 2, 2, 1}, inp_pos{2, 1, 1, 1}}) = {4, 2, 2, 1}
                                     [
                                      [
                                       [      1.0000,       2.0000,       3.0000,       4.0000],
                                       [      5.0000,       6.0000,       7.0000,       8.0000],
                                      ],
                                      [
                                       [      9.0000,      10.0000,      11.0000,      12.0000],
                                       [     13.0000,      14.0000,      15.0000,      16.0000],
                                      ],
                                     ]
                                     sum = 136.000000
`;

describe('eval-callback', () => {
  it('keeps shown values at their places, hidden ones unknown, and the second Qcur by its operation', () => {
    const { tensors } = parseEvalCallback(PRINTED, 'log.txt');
    const first = tensors.get('Qcur-0')!;
    expect(first.shape).toEqual([1, 1, 2, 8]);
    expect([...first.known!]).toEqual([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1]);
    expect(first.values[7]).toBe(0.0008);
    expect(first.values[15]).toBe(Number.NEGATIVE_INFINITY);
    expect(first.resolution).toBeCloseTo(0.00005, 15);
    const second = tensors.get('Qcur-0 (ROPE)')!;
    expect(second.known).toBeUndefined();
    expect([...second.values]).toEqual(Array.from({ length: 16 }, (_, n) => n + 1));
  });

  it('reads the older form, whose rows end in dots', () => {
    const old = PRINTED.split('\n')
      .slice(1, 9)
      .join('\n')
      .replace('common_debug_cb_eval', 'ggml_debug')
      .replace(/\.\.\.,.*\]/g, '...]');
    const { known } = parseEvalCallback(old, 'log.txt').tensors.get('Qcur-0')!;
    expect([...known!].slice(0, 8)).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it('refuses a text without tensors, a size that no text can hold, and more values than the size says', () => {
    expect(() => parseEvalCallback('hello', 'log.txt')).toThrow(FormatError);
    expect(() => parseEvalCallback(PRINTED.replace('{8, 2, 1, 1}\n', '{8, 99999999, 9, 1}\n'), 'l')).toThrow(
      /believable size/,
    );
    expect(() => parseEvalCallback(PRINTED.replace('= {8, 2, 1, 1}', '= {8, 1, 1, 1}'), 'l')).toThrow(
      /got more/,
    );
  });
});

describe('readTrace', () => {
  it('tells npz, eval-callback text and safetensors apart by their first bytes', async () => {
    const npz = await readTrace(bytesSource('a', zip([['lm_head.npy', f4]])));
    expect([...npz.tensors.keys()]).toEqual(['lm_head']);
    const text = await readTrace(bytesSource('b', new TextEncoder().encode(PRINTED)));
    expect([...text.tensors.keys()]).toEqual(['Qcur-0', 'Qcur-0 (ROPE)']);
    const header =
      '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"ids":"[1]"}}'.padEnd(96);
    const file = new Uint8Array(8 + 96 + 4);
    file[0] = 96;
    file.set(new TextEncoder().encode(header), 8);
    const trace = await readTrace(bytesSource('c', file));
    expect([...trace.tensors.keys(), trace.metadata.ids]).toEqual(['x', '[1]']);
    await expect(readTrace(bytesSource('d', new Uint8Array(3)))).rejects.toThrow(FormatError);
  });
});
