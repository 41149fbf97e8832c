import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf as oracle } from '@huggingface/gguf';
import { describe, expect, it } from 'vitest';
import { DTYPES } from '../../src/base/dtype.ts';
import { StringTable } from '../../src/base/string-table.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { GGUF_DTYPES, readGgufHeader } from '../../src/format/gguf-header.ts';
import { ggufRow, ggufTensorName, hfRow, hfTensorName } from '../../src/format/gguf-names.ts';
import { encodeGgufValue, type GgufTensorToWrite, writeGguf } from '../../src/format/gguf-write.ts';
import { bytesSource } from '../../src/format/source.ts';
import { decodeToF64 } from '../../src/quant/decode.ts';
import {
  concat,
  countingSource,
  ggufBytes,
  MERGES,
  TOKENS,
  tinyPairs,
  tinyTensorsWithBias,
  u32,
  u64,
} from '../support/tiny-gguf.ts';

const open = (bytes: Uint8Array) => readGguf(bytesSource('tiny.gguf', bytes));

describe('readGguf', () => {
  it('reads config, tensors, tokenizer, template and metadata of a file of one layer', async () => {
    const checkpoint = await open(ggufBytes());
    expect(checkpoint.config).toMatchObject({
      numLayers: 1,
      numHeads: 2,
      numKvHeads: 1,
      headDim: 16,
      bosId: 1,
    });
    expect(checkpoint.tensors.size).toBe(11);
    expect(checkpoint.tensors.get('model.embed_tokens.weight')).toMatchObject({
      dtype: 'Q8_0',
      shape: [24, 32],
    });
    expect(checkpoint.tensors.get('model.layers.0.mlp.down_proj.weight')?.shape).toEqual([32, 64]);
    expect(checkpoint.chatTemplate).toBe('{{ messages }}');
    expect(checkpoint.metadata).toMatchObject({
      'general.languages': ['en', 'fr'],
      'test.u64': 2n ** 60n,
      'test.i64': -5,
      'test.f64': 0.1,
      'test.i8': -1,
      'test.i16': -2,
      'test.bools': [true, false],
      'tokenizer.ggml.add_bos_token': false,
    });
    const { tokenizer } = checkpoint;
    if (tokenizer?.kind !== 'gguf') throw new Error('expected a GGUF tokenizer');
    expect(TOKENS.map((_, id) => tokenizer.tokens.get(id))).toEqual(TOKENS);
    expect(MERGES.map((_, rank) => tokenizer.merges.get(rank))).toEqual(MERGES);
    expect(tokenizer).toMatchObject({ pre: 'smollm', bosId: 1, eosIds: [2], unkId: 0, addBos: false });
    expect([...tokenizer.tokenTypes.subarray(0, 4)]).toEqual([3, 3, 3, 1]);
  });

  it('reads version 2, upper-case keys, names of 64 bytes, any padding and any tail', async () => {
    const bytes = ggufBytes((file) => {
      file.version = 2;
      file.paddingByte = 0xee;
      file.tail = new Uint8Array(77);
      file.pairs.push({ key: 'Test.UPPER', type: 4, value: u32(7) });
    });
    expect((await open(bytes)).metadata['Test.UPPER']).toBe(7);
    const long = ggufBytes((file) => (file.tensors[1].name = 'n'.repeat(64)));
    expect((await readGgufHeader(bytesSource('x', long))).tensors[1].name).toHaveLength(64);
  });

  it('keeps keys named __proto__ and constructor as plain entries', async () => {
    const bytes = ggufBytes((file) => {
      file.pairs.push(
        { key: '__proto__', type: 4, value: u32(1) },
        { key: 'constructor', type: 4, value: u32(2) },
      );
    });
    const { metadata } = await open(bytes);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
    expect(Object.entries(metadata)).toEqual(
      expect.arrayContaining([
        ['__proto__', 1],
        ['constructor', 2],
      ]),
    );
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it('fetches a header longer than its first 256 KiB without reading a byte twice', async () => {
    const long = '{{ messages }}'.repeat(150_000);
    const bytes = ggufBytes((file) => {
      file.pairs.push({
        key: 'long',
        type: 8,
        value: concat(u64(long.length), new TextEncoder().encode(long)),
      });
    });
    const { source, count } = countingSource(bytes);
    expect((await readGguf(source)).metadata.long).toBe(long);
    expect(count.bytes).toBeLessThanOrEqual(bytes.length);
  });
});

describe('rows of query and key projections', () => {
  it.each([2, 4, 16, 64])('ggufRow and hfRow are inverse over three heads of %i', (headDim) => {
    for (let row = 0; row < 3 * headDim; row++) {
      expect(hfRow(ggufRow(row, headDim), headDim)).toBe(row);
      expect(ggufRow(hfRow(row, headDim), headDim)).toBe(row);
    }
  });

  it('puts HuggingFace rows 0 to 7 of a head of 8 at 0 2 4 6 1 3 5 7', () => {
    expect(Array.from({ length: 8 }, (_, row) => ggufRow(row, 8))).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
    expect(ggufRow(8 + 4, 8)).toBe(8 + 1);
  });

  it.each(['q', 'k'])(
    'undoes the permutation of attn_%s for every range of rows',
    { tags: ['slow'] },
    async (part) => {
      const bytes = ggufBytes();
      const line = (await readGgufHeader(bytesSource('x', bytes))).tensors.find(
        ({ name }) => name === `blk.0.attn_${part}.weight`,
      )!;
      const stored = bytes.subarray(line.offset, line.offset + line.byteLength);
      const rowBytes = 20;
      const numRows = line.shape[0];
      const expected = concat(
        ...Array.from({ length: numRows }, (_, row) => {
          const from = ggufRow(row, 16) * rowBytes;
          return stored.subarray(from, from + rowBytes);
        }),
      );
      const tensor = (await open(bytes)).tensors.get(`model.layers.0.self_attn.${part}_proj.weight`)!;
      expect(expected).not.toEqual(stored);
      for (let begin = 0; begin <= numRows; begin++) {
        for (let end = begin; end <= numRows; end++) {
          expect(await tensor.readRows(begin, end)).toEqual(
            expected.subarray(begin * rowBytes, end * rowBytes),
          );
        }
      }
    },
  );

  it('leaves the rows of value, output and MLP as they are', async () => {
    const bytes = ggufBytes();
    const { tensors } = await open(bytes);
    for (const line of (await readGgufHeader(bytesSource('x', bytes))).tensors) {
      if (/attn_[qk]/.test(line.name)) continue;
      const tensor = tensors.get(hfTensorName(line.name)!)!;
      const stored = bytes.subarray(line.offset, line.offset + line.byteLength);
      expect(await tensor.readRows(0, line.shape.length === 1 ? 1 : line.shape[0])).toEqual(stored);
    }
  });

  it.each([
    ['llama', [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]],
    ['qwen2', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
  ])('reads the key bias of a %s file in the order %j', async (arch, order) => {
    const bytes = ggufBytes((file) => {
      file.pairs = tinyPairs(arch);
      file.tensors = tinyTensorsWithBias();
    });
    const checkpoint = await open(bytes);
    expect(checkpoint.config.qkvBias).toBe(true);
    const bias = await checkpoint.tensors.get('model.layers.0.self_attn.k_proj.bias')!.readRows(0, 1);
    expect([...new Float32Array(bias.slice().buffer)]).toEqual(order);
    const weight = checkpoint.tensors.get('model.layers.0.self_attn.k_proj.weight')!;
    const plain = checkpoint.tensors.get('model.layers.0.self_attn.v_proj.bias')!;
    expect([...new Float32Array((await plain.readRows(0, 1)).slice().buffer)]).toEqual([...Array(16).keys()]);
    const second = await weight.readRows(1, 2);
    expect(second).toEqual((await weight.readRows(0, 16)).subarray(20, 40));
  });

  it('refuses rows outside of the tensor', async () => {
    const tensor = (await open(ggufBytes())).tensors.get('model.layers.0.self_attn.q_proj.weight')!;
    await expect(tensor.readRows(0, 33)).rejects.toThrow(RangeError);
    await expect(tensor.readRows(-1, 3)).rejects.toThrow(RangeError);
    await expect(tensor.readRows(5, 4)).rejects.toThrow(RangeError);
  });
});

describe('tensor names', () => {
  it('go from GGUF to HuggingFace and back, and nowhere for others', async () => {
    for (const { name } of (await readGgufHeader(bytesSource('x', ggufBytes()))).tensors) {
      expect(ggufTensorName(hfTensorName(name)!)).toBe(name);
    }
    expect(hfTensorName('blk.17.attn_k.bias')).toBe('model.layers.17.self_attn.k_proj.bias');
    for (const name of [
      '__proto__',
      'blk.0.constructor.weight',
      'blk.x.attn_q.weight',
      'rope_freqs.weight',
    ]) {
      expect(hfTensorName(name)).toBeUndefined();
      expect(ggufTensorName(name)).toBeUndefined();
    }
  });
});

describe('@huggingface/gguf', () => {
  it('reads the same metadata, tensors and offset from the tiny file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gguf-'));
    try {
      const path = join(folder, 'tiny.gguf');
      const bytes = ggufBytes();
      writeFileSync(path, bytes);
      const theirs = await oracle(path, { allowLocalFile: true });
      const ours = await readGgufHeader(bytesSource('tiny.gguf', bytes));
      expect(ours.tensorsOffset).toBe(Number(theirs.tensorDataOffset));
      const theirTensors = theirs.tensorInfos.map(({ name, shape, dtype, offset }) => ({
        name,
        shape: shape.map(Number).reverse(),
        type: dtype as number,
        offset: Number(offset) + ours.tensorsOffset,
      }));
      expect(
        ours.tensors.map(({ name, shape, dtype, offset }) => ({
          name,
          shape,
          type: GGUF_DTYPES[dtype],
          offset,
        })),
      ).toEqual(theirTensors);
      const metadata = theirs.metadata as unknown as Record<string, unknown>;
      for (const [key, { value }] of ours.metadata) {
        const plain =
          typeof value !== 'object'
            ? value
            : value.values instanceof StringTable
              ? Array.from({ length: value.count }, (_, i) => (value.values as StringTable).get(i))
              : [...value.values].map((item) => (value.elementType === 'BOOL' ? Boolean(item) : item));
        const theirValue = metadata[key];
        expect([key, typeof theirValue === 'bigint' ? BigInt(plain as number) : plain]).toEqual([
          key,
          theirValue,
        ]);
      }
      const own = ['version', 'tensor_count', 'kv_count'];
      expect(Object.keys(metadata).filter((key) => !own.includes(key))).toHaveLength(ours.metadata.size);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('writeGguf', () => {
  const collect = async (pieces: AsyncIterable<Uint8Array>) => {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) parts.push(piece);
    return concat(...parts);
  };

  it('copies a file byte for byte out of its header and tensors', async () => {
    const bytes = ggufBytes((file) => {
      file.pairs = file.pairs.filter(({ key }) => key !== 'general.alignment');
    });
    const header = await readGgufHeader(bytesSource('x', bytes));
    const pairs = [...header.metadata].map(([key, { encoded }]) => ({ key, encoded }));
    const tensors = header.tensors.map(
      (line): GgufTensorToWrite => ({
        ...line,
        pieces: () => [
          bytes.subarray(line.offset, line.offset + 7),
          bytes.subarray(line.offset + 7, line.offset + line.byteLength),
        ],
      }),
    );
    expect(await collect(writeGguf(pairs, tensors))).toEqual(bytes);
    const aligned = await collect(writeGguf(pairs, tensors, 128));
    const again = await readGgufHeader(bytesSource('x', aligned));
    expect(again.alignment).toBe(128);
    expect(again.tensors.every(({ offset }) => offset % 128 === 0)).toBe(true);
  });

  it('encodes every type so that the reader and the builder of these tests agree', async () => {
    const made = [
      encodeGgufValue('UINT64', 2n ** 60n),
      encodeGgufValue('INT64', -5),
      encodeGgufValue('FLOAT64', 0.1),
      encodeGgufValue('INT8', -1),
      encodeGgufValue('INT16', -2),
      encodeGgufValue('ARRAY', [true, false], 'BOOL'),
      encodeGgufValue('ARRAY', ['en', 'fr'], 'STRING'),
      encodeGgufValue('ARRAY', [-3, 9], 'INT32'),
      encodeGgufValue('FLOAT32', 0.5),
      encodeGgufValue('UINT8', 255),
      encodeGgufValue('UINT16', 65_535),
      encodeGgufValue('UINT32', 2 ** 32 - 1),
    ];
    const bytes = await collect(
      writeGguf(
        made.map((encoded, i) => ({ key: `k${i}`, encoded })),
        [],
      ),
    );
    const { metadata } = await readGgufHeader(bytesSource('x', bytes));
    const raw = new Map(tinyPairs().map(({ key, type, value }) => [key, concat(u32(type), value)]));
    const keys = [
      'test.u64',
      'test.i64',
      'test.f64',
      'test.i8',
      'test.i16',
      'test.bools',
      'general.languages',
    ];
    expect(made.slice(0, keys.length)).toEqual(keys.map((key) => raw.get(key)));
    expect(metadata.get('k7')?.value).toMatchObject({ count: 2, values: Int32Array.of(-3, 9) });
    expect([8, 9, 10, 11].map((i) => metadata.get(`k${i}`)?.value)).toEqual([0.5, 255, 65_535, 2 ** 32 - 1]);
  });

  it('refuses numbers that do not fit, other kinds, broken rows and pieces that do not add up', async () => {
    expect(() => encodeGgufValue('UINT8', 256)).toThrow(RangeError);
    expect(() => encodeGgufValue('INT8', -129)).toThrow(RangeError);
    expect(() => encodeGgufValue('UINT32', 1.5)).toThrow(RangeError);
    expect(() => encodeGgufValue('STRING', 5)).toThrow(TypeError);
    const tensor = { name: 't', dtype: 'Q8_0', shape: [1, 32], pieces: () => [new Uint8Array(33)] } as const;
    await expect(collect(writeGguf([], [tensor]))).rejects.toThrow('expected 34 bytes, got 33');
    await expect(collect(writeGguf([], [{ ...tensor, shape: [1, 33] }]))).rejects.toThrow(RangeError);
  });
});

describe('tensor types', () => {
  it.each(Object.entries(GGUF_DTYPES))('opens and decodes %s, number %i', async (dtype, type) => {
    const { blockSize, blockBytes } = DTYPES[dtype as keyof typeof DTYPES];
    const bytes = ggufBytes((file) => {
      const size = blockSize === 1 ? 2 : 2 * blockSize;
      file.tensors = [{ name: 'x', dims: [size], type, offset: 0, size: (size / blockSize) * blockBytes }];
    });
    const [line] = (await readGgufHeader(bytesSource('x', bytes))).tensors;
    expect([line.dtype, line.byteLength]).toEqual([dtype, (line.shape[0] / blockSize) * blockBytes]);
    const values = new Float64Array(line.shape[0]);
    decodeToF64(line.dtype, bytes, line.offset, values, 0, values.length);
    expect(values.every(Number.isFinite)).toBe(true);
  });
});
