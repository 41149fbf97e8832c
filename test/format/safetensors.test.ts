// The strict reader against its rules, one malformed class after the other, and against files of
// HuggingFace's writer.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, UnsupportedError } from '../../src/base/errors.ts';
import { SafetensorsFile, writeSafetensors } from '../../src/format/safetensors.ts';
import { bytesSource } from '../../src/format/source.ts';
import { goldenBytes, goldenJson } from '../support/goldens.ts';
import { expectFormatError, type Malformed } from '../support/hostile.ts';
import { concat, countingSource, u64 } from '../support/tiny-gguf.ts';

const encoder = new TextEncoder();
const open = (bytes: Uint8Array) => SafetensorsFile.open(bytesSource('tiny.gguf', bytes));

/** A file with this header text, padded to 8, and so many bytes of tensors. */
function file(header: string | Uint8Array, tensorBytes: number, length?: number | bigint): Uint8Array {
  const text = typeof header === 'string' ? encoder.encode(header) : header;
  const padding = new Uint8Array((8 - (text.length % 8)) % 8).fill(0x20);
  return concat(u64(length ?? text.length + padding.length), text, padding, new Uint8Array(tensorBytes));
}

const A = '"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}';
const B = '"b":{"dtype":"I64","shape":[],"data_offsets":[24,32]}';
const C = '"c":{"dtype":"F32","shape":[0,5],"data_offsets":[32,32]}';
const VALID = file(`{"__metadata__":{"k":"v","é\\u00e9":"\\n"},${A},${B},${C}}`, 32);

/** A file whose only tensor `a` has another member text. */
const withMember = (name: string, text: string) =>
  A.replace(new RegExp(`"${name}":("[^"]*"|\\[[^\\]]*\\])`), `"${name}":${text}`);
const one = (what: string, field: RegExp, entry: string, tensorBytes = 24): Malformed => [
  what,
  file(`{${entry}}`, tensorBytes),
  field,
];

const HEADER = /^header$/;
const LENGTH = /^header length$/;
const TENSOR = /^(tensor a|header)$/;
const LENGTHS: Malformed[] = [
  ...[0, 1, 7].map((n): Malformed => [`a file of ${n} bytes`, VALID.subarray(0, n), LENGTH]),
  ...[0, 1, 100_000_001, 2n ** 63n, 2n ** 64n - 1n, VALID.length - 7].map(
    (length): Malformed => [`header length ${length}`, file(`{${A}}`, 24, length), LENGTH],
  ),
];
const HEADERS: Malformed[] = [
  ['the header {', file('{', 0), HEADER],
  ['the header []', file('[]', 0), HEADER],
  ['the header null', file('null', 0), HEADER],
  ['a header of bytes FF', file(new Uint8Array(16).fill(0xff), 0), HEADER],
  ['white space in front', file(` {${A}}`, 24), HEADER],
  ['text after the header', file(`{${A}} x`, 24), HEADER],
  ['two headers', file(`{${A}}{}`, 24), HEADER],
  ['a comma at the end', file(`{${A},}`, 24), HEADER],
  ['an open string', file('{"abc', 0), HEADER],
  ['a name with a broken escape', file(`{${A.replace('"a"', '"\\x"')}}`, 24), HEADER],
  ['a name with a raw newline', file(`{${A.replace('"a"', '"\n"')}}`, 24), HEADER],
  [
    'a name that is no UTF-8',
    file(concat(encoder.encode('{"'), Uint8Array.of(0xff), encoder.encode('":1}')), 0),
    HEADER,
  ],
  ['a million open brackets', file(`{"a":${'['.repeat(10 ** 6)}`, 0), HEADER],
  ['a million open braces', file('{"a":'.repeat(200_000), 0), TENSOR],
  ['a tensor name twice', file(`{${A},${A}}`, 24), HEADER],
  ['a tensor name twice, once escaped', file(`{${A},${A.replace('"a"', '"\\u0061"')}}`, 24), HEADER],
  ['metadata twice', file(`{"__metadata__":{},"__metadata__":{},${A}}`, 24), HEADER],
  ['metadata with a number', file(`{"__metadata__":{"k":1},${A}}`, 24), HEADER],
  ['metadata with an object', file(`{"__metadata__":{"k":{}},${A}}`, 24), HEADER],
  ['metadata with null', file(`{"__metadata__":null,${A}}`, 24), HEADER],
  ['a metadata key twice', file(`{"__metadata__":{"k":"a","k":"b"},${A}}`, 24), HEADER],
  ['a tensor that is a list', file('{"a":[]}', 0), HEADER],
];
const ENTRIES: Malformed[] = [
  one('dtype F99', TENSOR, withMember('dtype', '"F99"')),
  one('dtype constructor', TENSOR, withMember('dtype', '"constructor"')),
  one('a dtype that is a number', TENSOR, withMember('dtype', '32')),
  one('dtype twice', TENSOR, withMember('dtype', '"F32","dtype":"F32"')),
  one('shape twice', TENSOR, withMember('shape', '[2,3],"shape":[2,3]')),
  one('offsets twice', TENSOR, withMember('data_offsets', '[0,24],"data_offsets":[0,24]')),
  one('no dtype', TENSOR, '"a":{"shape":[2,3],"data_offsets":[0,24]}'),
  one('no shape', TENSOR, '"a":{"dtype":"F32","data_offsets":[0,24]}'),
  one('no offsets', TENSOR, '"a":{"dtype":"F32","shape":[2,3]}'),
  one('a member of another name', TENSOR, withMember('dtype', '"F32","stride":[3,1]')),
  ...['-3', '1.5', '3.0', '3e0', '0.3e1', '03', '+3', '', 'null', '"3"', '18446744073709551614'].map((size) =>
    one(`size ${size}`, TENSOR, withMember('shape', `[2,${size}]`)),
  ),
  one('shape [2, 9223372036854775807]', TENSOR, withMember('shape', '[2,9223372036854775807]')),
  one(
    'sizes whose product overflows before a zero',
    TENSOR,
    '"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}',
    0,
  ),
  one('nine axes', TENSOR, withMember('shape', '[1,1,1,1,1,1,1,2,3]')),
  one('a shape that is a number', TENSOR, withMember('shape', '6')),
  one('one offset', TENSOR, withMember('data_offsets', '[24]')),
  one('three offsets', TENSOR, withMember('data_offsets', '[0,24,24]')),
  one('offsets reversed', TENSOR, withMember('data_offsets', '[24,0]')),
  one('offsets beyond the end', TENSOR, withMember('data_offsets', '[0,25]')),
  one('a range that is too short for the shape', TENSOR, withMember('data_offsets', '[0,20]'), 20),
  one('a first tensor that begins at 8', TENSOR, withMember('data_offsets', '[8,32]'), 32),
];
const second = (begin: number, end: number) =>
  `"b":{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;
const PLACES: Malformed[] = [
  ['an overlap', file(`{${A},${second(20, 24)}}`, 24), /^tensor b$/],
  ['a hole', file(`{${A},${second(28, 30)}}`, 30), /^tensor b$/],
  ['one range for two names', file(`{${A},${A.replace('"a"', '"b"')}}`, 24), /^tensor b$/],
  ['bytes after the last tensor', concat(VALID, Uint8Array.of(0x50, 0x4b, 3, 4)), /^tensor bytes$/],
  ['two bytes missing', VALID.subarray(0, -2), /^tensor/],
  ['tensors that end before the file', file(`{${A}}`, 25), /^tensor bytes$/],
];

const CLASSES: [string, Malformed[]][] = [
  ['length of the header', LENGTHS],
  ['JSON of the header', HEADERS],
  ['tensor entries', ENTRIES],
  ['places of tensors', PLACES],
];

describe.each(CLASSES)('SafetensorsFile.open, malformed: %s', (_, files) => {
  it.each(files)('refuses %s with file, field and byte', async (...malformed) => {
    await expectFormatError(malformed, SafetensorsFile.open);
  });
});

describe('SafetensorsFile.open', () => {
  it('closes what it refuses, and leaves open what it takes', async () => {
    let isOpen = true;
    const close = async () => {
      isOpen = false;
    };
    await SafetensorsFile.open({ ...bytesSource('good', file('{}', 0)), close });
    expect(isOpen).toBe(true);
    await expect(SafetensorsFile.open({ ...bytesSource('bad', file('[]', 0)), close })).rejects.toThrow(
      FormatError,
    );
    expect(isOpen).toBe(false);
  });

  it('reads metadata, a matrix, a single value and an empty tensor', async () => {
    const { metadata, tensors } = await open(VALID);
    expect({ ...metadata }).toEqual({ k: 'v', éé: '\n' });
    expect(tensors.get('a')).toMatchObject({ dtype: 'F32', shape: [2, 3], byteLength: 24 });
    expect(tensors.get('b')).toMatchObject({ dtype: 'I64', shape: [], byteLength: 8 });
    expect(tensors.get('c')).toMatchObject({ shape: [0, 5], byteLength: 0 });
  });

  it('keeps a tensor and a key named __proto__ as what they are', async () => {
    const bytes = file(`{"__metadata__":{"__proto__":"x"},${A.replace('"a"', '"__proto__"')}}`, 24);
    const { metadata, tensors } = await open(bytes);
    expect(tensors.has('__proto__')).toBe(true);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
  });

  it('reads tensors in any order of the header', async () => {
    const bytes = file(`{${B},${C},${A}}`, 32);
    expect((await open(bytes)).tensors.get('a')?.byteLength).toBe(24);
  });

  it('refuses 100,000 names on one empty range after 65,536 of them', { tags: ['slow'] }, async () => {
    const names = Array.from(
      { length: 100_000 },
      (_, i) => `"n${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
    );
    await expectFormatError(['many names', file(`{${names.join(',')}}`, 0), HEADER], SafetensorsFile.open);
  });

  it('takes under 50 ms for each malformed file', async () => {
    const files = CLASSES.flatMap(([, list]) => list);
    const start = performance.now();
    for (const [, bytes] of files) await open(bytes).catch(() => {});
    expect((performance.now() - start) / files.length).toBeLessThan(50);
  });

  it('refuses the file cut at every byte', async () => {
    for (let size = 0; size < VALID.length; size++) {
      await expect(open(VALID.subarray(0, size)), `cut at ${size}`).rejects.toThrow(FormatError);
    }
  });

  const numRuns = Number(process.env.FUZZ_RUNS ?? 2000);
  it(`ends in a file that can be read whole or in a FormatError, ${numRuns} times`, {
    tags: ['slow'],
  }, async () => {
    let opened = 0;
    const swap = fc.record({
      at: fc.nat(VALID.length - 1),
      byte: fc.oneof(
        fc.nat(255),
        fc.constantFrom(...'{}[]",:0129-.e\\'.split('').map((c) => c.charCodeAt(0))),
      ),
    });
    const property = async (swaps: { at: number; byte: number }[]) => {
      const bytes = VALID.slice();
      for (const { at, byte } of swaps) bytes[at] = byte;
      const { source, count } = countingSource(bytes);
      try {
        const safetensors = await SafetensorsFile.open(source);
        opened++;
        for (const name of safetensors.tensors.keys()) await safetensors.readBytes(name);
        expect(count.largest).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.offset).toBeGreaterThanOrEqual(0);
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(swap, { minLength: 1, maxLength: 3 }), property), {
      numRuns,
      seed: 20,
    });
    expect(opened).toBeGreaterThan(numRuns / 20);
    expect(opened).toBeLessThan((numRuns * 19) / 20);
  });
});

describe('readTensorAsF64', () => {
  const cases = [
    ['F64', new Float64Array([0.1, -5e-324]), [0.1, -5e-324]],
    ['F32', new Float32Array([0.5, -3]), [0.5, -3]],
    ['F16', new Uint16Array([0x3c00, 0xc000]), [1, -2]],
    ['BF16', new Uint16Array([0x3f80, 0xc000]), [1, -2]],
    ['I64', new BigInt64Array([-7n, 2n ** 53n]), [-7, 2 ** 53]],
    ['U64', new BigUint64Array([7n, 2n ** 63n]), [7, 2 ** 63]],
    ['I32', new Int32Array([-1, 2 ** 31 - 1]), [-1, 2 ** 31 - 1]],
    ['U32', new Uint32Array([1, 2 ** 32 - 1]), [1, 2 ** 32 - 1]],
    ['I16', new Int16Array([-32_768, 5]), [-32_768, 5]],
    ['U16', new Uint16Array([65_535, 5]), [65_535, 5]],
    ['I8', new Int8Array([-128, 5]), [-128, 5]],
    ['U8', new Uint8Array([255, 5]), [255, 5]],
    ['BOOL', new Uint8Array([1, 0]), [1, 0]],
  ] as const;

  it.each(cases)('reads %s', async (dtype, values, expected) => {
    const bytes = new Uint8Array(values.buffer);
    const header = `{"x":{"dtype":"${dtype}","shape":[2],"data_offsets":[0,${bytes.length}]}}`;
    const odd = concat(file(header, 0), bytes);
    expect([...(await (await open(odd)).readTensorAsF64('x'))]).toEqual([...expected]);
  });

  it('says that 8-bit floats are not read, and which tensors there are when one is missing', async () => {
    const bytes = file('{"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}', 2);
    await expect((await open(bytes)).readTensorAsF64('x')).rejects.toThrow(UnsupportedError);
    await expect((await open(bytes)).readTensorAsF64('y')).rejects.toThrow(RangeError);
  });
});

describe('writeSafetensors', () => {
  it('writes what the reader reads, value by value', async () => {
    const tensors = [
      { name: 'ids', shape: [3], values: BigInt64Array.of(1n, -2n, 3n) },
      { name: 'x "quoted" é', shape: [1, 2], values: Float64Array.of(0.1, -0) },
      { name: 'y', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) },
      { name: 'half', shape: [2], values: Uint8Array.of(0, 0x3c, 0, 0xc0), dtype: 'F16' as const },
      { name: 'empty', shape: [0], values: new Int32Array(0) },
    ];
    const written = writeSafetensors(tensors, { version: '1', note: 'é' });
    const read = await open(written);
    expect({ ...read.metadata }).toEqual({ version: '1', note: 'é' });
    expect([...read.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
    for (const { name, shape } of tensors) expect(read.tensors.get(name)?.shape).toEqual(shape);
    expect(await read.readTensorAsF64('ids')).toEqual(Float64Array.of(1, -2, 3));
    expect(await read.readTensorAsF64('x "quoted" é')).toEqual(Float64Array.of(0.1, -0));
    expect(await read.readTensorAsF64('y')).toEqual(Float64Array.of(1, 2, 3, 4));
    expect(await read.readTensorAsF64('half')).toEqual(Float64Array.of(1, -2));
  });

  it('refuses a name twice and a shape that is not that of the values', () => {
    const x = { name: 'x', shape: [2], values: Float32Array.of(1, 2) };
    expect(() => writeSafetensors([x, x])).toThrow(RangeError);
    expect(() => writeSafetensors([{ ...x, shape: [3] }])).toThrow(RangeError);
  });
});

describe('files of HuggingFace', () => {
  it('reads the 23,200 float32 parameters of the tiny model gqa as a plain reading does', async () => {
    const bytes = goldenBytes('tiny/gqa/model.safetensors');
    const safetensors = await open(bytes);
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    let count = 0;
    for (const [name, { shape }] of safetensors.tensors) {
      const [begin] = header[name].data_offsets;
      expect(shape).toEqual(header[name].shape);
      const values = await safetensors.readTensorAsF64(name);
      const view = new DataView(bytes.buffer, bytes.byteOffset + 8 + length + begin);
      expect(values.every((value, i) => value === view.getFloat32(4 * i, true))).toBe(true);
      count += values.length;
    }
    expect(count).toBe(23_200);
  });

  it('reads the logits of the tiny model: one row per id, in float64', async () => {
    const safetensors = await open(goldenBytes('tiny/gqa/logits.f64.safetensors'));
    const { sequences } = goldenJson('tiny/gqa/goldens.json');
    const { shape, dtype } = safetensors.tensors.get('seq0')!;
    expect([dtype, shape[0]]).toEqual(['F64', (sequences[0].ids ?? sequences[0]).length]);
  });
});
