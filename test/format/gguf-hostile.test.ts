// Every malformed class of GGUF by name. What is left open by the format is decided in
// src/format/gguf-header.ts.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { bytesSource } from '../../src/format/source.ts';
import { expectFormatError, type Malformed } from '../support/hostile.ts';
import {
  array,
  concat,
  countingSource,
  f32,
  ggufBytes,
  i32s,
  MERGES,
  type RawGguf,
  TOKENS,
  TYPE,
  text,
  texts,
  u32,
  u64,
  VOCAB_SIZE,
} from '../support/tiny-gguf.ts';

const ascii = (string: string) => new TextEncoder().encode(string);

function change(what: string, field: RegExp, edit: (file: RawGguf) => void): Malformed {
  return [what, ggufBytes(edit), field];
}

/** Another value for a key of the tiny file, or a new key. */
function setPair(key: string, type: number, value: Uint8Array): (file: RawGguf) => void {
  return (file) => {
    const pair = file.pairs.find((candidate) => candidate.key === key);
    if (pair) Object.assign(pair, { type, value });
    else file.pairs.push({ key, type, value });
  };
}

const addPair = (key: string | Uint8Array, type: number, value: Uint8Array) => (file: RawGguf) => {
  file.pairs.push({ key, type, value });
};
const dropPair = (key: string) => (file: RawGguf) => {
  file.pairs = file.pairs.filter((pair) => pair.key !== key);
};
const setTensor = (name: string, fields: Partial<RawGguf['tensors'][number]>) => (file: RawGguf) => {
  Object.assign(file.tensors.find((tensor) => tensor.name === name)!, fields);
};

const OTHER_FILES: Malformed[] = [
  ['an empty file', new Uint8Array(0), /^magic$/],
  ['one byte', ascii('G'), /^magic$/],
  ['three bytes', ascii('GGU'), /^magic$/],
  ['the magic alone', ascii('GGUF'), /^version$/],
  ['another magic', ascii('GGML 0123456789abcdef'), /^magic$/],
  [
    'a Git LFS pointer',
    ascii('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n'),
    /^magic$/,
  ],
  ['a web page', ascii('\n<!DOCTYPE html><html><body>404</body></html>'), /^magic$/],
  ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3), /^magic$/],
  [
    'a safetensors file',
    concat(u64(64), ascii('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')),
    /^magic$/,
  ],
  change('version 0', /^version$/, (file) => (file.version = 0)),
  change('version 1', /^version$/, (file) => (file.version = 1)),
  change('version 4', /^version$/, (file) => (file.version = 4)),
  change('a big-endian version', /^version$/, (file) => (file.version = 0x03000000)),
];

const COUNTS: Malformed[] = [
  change('-1 tensors', /^tensor_count$/, (file) => (file.tensorCount = -1n)),
  change('2^53 + 1 tensors', /^tensor_count$/, (file) => (file.tensorCount = 2n ** 53n + 1n)),
  change('more tensors than bytes', /^tensor_count$/, (file) => (file.tensorCount = 100_000n)),
  change('no tensors', /^token_embd.weight$/, (file) =>
    Object.assign(file, { tensorCount: 0n, tensors: [] }),
  ),
  change('-1 keys', /^kv_count$/, (file) => (file.pairCount = -1n)),
  change('2^53 + 1 keys', /^kv_count$/, (file) => (file.pairCount = 2n ** 53n + 1n)),
  change('more keys than bytes', /^kv_count$/, (file) => (file.pairCount = 100_000n)),
  change('no keys', /^general.architecture$/, (file) => (file.pairs = [])),
  change('65,537 keys', /^kv_count$/, (file) => {
    file.pairs = Array.from({ length: 65_537 }, (_, i) => ({
      key: `k${i}`,
      type: 0,
      value: Uint8Array.of(1),
    }));
  }),
  change('one tensor more than there is', /^tensor/, (file) => (file.tensorCount = 12n)),
];

const KEYS_AND_VALUES: Malformed[] = [
  change('an empty key', /^key 29$/, addPair('', TYPE.UINT32, u32(1))),
  change('a key of 65,536 bytes', /^key 29$/, addPair('a'.repeat(65_536), TYPE.UINT32, u32(1))),
  change('a key beyond ASCII', /^key 29$/, addPair('température', TYPE.UINT32, u32(1))),
  change('a key that is no UTF-8', /^key 29$/, addPair(Uint8Array.of(0xc3, 0x28), TYPE.UINT32, u32(1))),
  change('a key with a NUL', /^key 29$/, addPair('a\0b', TYPE.UINT32, u32(1))),
  change(
    'a key twice',
    /^general.architecture$/,
    addPair('general.architecture', TYPE.STRING, text('llama')),
  ),
  change('value type 13', /^x$/, addPair('x', 13, u32(1))),
  change('value type 2^31', /^x$/, addPair('x', 2 ** 31, u32(1))),
  change('a boolean 2', /^x$/, addPair('x', TYPE.BOOL, Uint8Array.of(2))),
  change(
    'a boolean 2 in an array',
    /^x$/,
    addPair('x', TYPE.ARRAY, array(TYPE.BOOL, 2, Uint8Array.of(1, 2))),
  ),
  change('a string of length -1', /^x$/, addPair('x', TYPE.STRING, concat(u64(-1), ascii('abc')))),
  change(
    'a string longer than the file',
    /^x$/,
    addPair('x', TYPE.STRING, concat(u64(2 ** 31), ascii('abc'))),
  ),
  change('a string that is no UTF-8', /^x$/, addPair('x', TYPE.STRING, text(Uint8Array.of(0x61, 0xff)))),
  change('an array in an array', /^x$/, addPair('x', TYPE.ARRAY, array(TYPE.ARRAY, 1, array(TYPE.UINT8, 0)))),
  change(
    'arrays nested 100,000 times',
    /^x$/,
    addPair('x', TYPE.ARRAY, concat(...Array(100_000).fill(concat(u32(TYPE.ARRAY), u64(1))))),
  ),
  change('an array of -1 numbers', /^x$/, addPair('x', TYPE.ARRAY, array(TYPE.UINT8, -1))),
  change('an array longer than the file', /^x$/, addPair('x', TYPE.ARRAY, array(TYPE.FLOAT64, 20_000))),
  change('an array of type 13', /^x$/, addPair('x', TYPE.ARRAY, array(13, 1, u32(1)))),
  change('10^9 empty strings', /^x$/, addPair('x', TYPE.ARRAY, array(TYPE.STRING, 10 ** 9))),
  change(
    'a string array with a broken string',
    /^x$/,
    addPair('x', TYPE.ARRAY, texts(['a', Uint8Array.of(0xff)])),
  ),
  change(
    'a character that runs over two strings',
    /^x$/,
    addPair('x', TYPE.ARRAY, texts([Uint8Array.of(0x61, 0xc3), Uint8Array.of(0xa9, 0x62)])),
  ),
];

const ALIGNMENTS: Malformed[] = [0, 13, 1, 4, 24, 2 ** 17, 2 ** 31].map((value) =>
  change(`alignment ${value}`, /^general.alignment$/, setPair('general.alignment', TYPE.UINT32, u32(value))),
);
ALIGNMENTS.push(
  change('alignment as INT32', /^general.alignment$/, setPair('general.alignment', TYPE.INT32, u32(32))),
  change('alignment as text', /^general.alignment$/, setPair('general.alignment', TYPE.STRING, text('32'))),
  change(
    'alignment as an array',
    /^general.alignment$/,
    setPair('general.alignment', TYPE.ARRAY, array(4, 1, u32(32))),
  ),
);

const Q = 'blk.0.attn_q.weight';
const SHAPE = /^tensor blk.0.attn_q.weight: shape$/;
const TENSORS: Malformed[] = [
  change('a name of 65 bytes', /^tensor 8: name$/, setTensor(Q, { name: 'n'.repeat(65) })),
  change('an empty name', /^tensor 8: name$/, setTensor(Q, { name: '' })),
  change('a name twice', /^tensor blk.0.attn_k.weight$/, setTensor(Q, { name: 'blk.0.attn_k.weight' })),
  change(
    'a tensor named __proto__',
    /^(__proto__|model.layers.0.self_attn.q_proj.weight)$/,
    setTensor(Q, { name: '__proto__' }),
  ),
  change('five dimensions', SHAPE, setTensor(Q, { dims: [32, 32, 1, 1, 1] })),
  change('2^32 - 1 dimensions', SHAPE, setTensor(Q, { numDims: 2 ** 32 - 1 })),
  change('no dimensions', SHAPE, setTensor(Q, { dims: [] })),
  change(
    'a dimension of 2^32 - 1',
    /^tensor blk.0.attn_q.weight$/,
    setTensor(Q, { dims: [32, 2 ** 32 - 1] }),
  ),
  change('a negative dimension', SHAPE, setTensor(Q, { dims: [32, -32] })),
  change('a zero dimension', SHAPE, setTensor(Q, { dims: [32, 0] })),
  change('a product that wraps to 1,024', SHAPE, setTensor(Q, { dims: [32, 2n ** 32n, 2n ** 32n, 32] })),
  change('2^42 + 1 as a dimension', SHAPE, setTensor(Q, { dims: [2n ** 42n + 1n, 2n ** 22n] })),
  change('a product over 2^53', SHAPE, setTensor(Q, { dims: [2n ** 27n, 2n ** 27n] })),
  change('33 columns of Q4_1', SHAPE, setTensor(Q, { dims: [33, 32] })),
  ...[4, 5, 9, 15, 16, 31, 32, 33, 36, 37, 38, 40, 2 ** 31].map((type) =>
    change(`tensor type ${type}`, /^tensor blk.0.attn_q.weight: type$/, setTensor(Q, { type })),
  ),
];

const OFFSET = /^tensor .*: offset$/;
const OFFSETS: Malformed[] = [
  change('an unaligned offset', OFFSET, setTensor(Q, { offset: 7 })),
  change('an overlap', OFFSET, (file) => setTensor(Q, { offset: file.tensors[7].offset })(file)),
  change('a gap', OFFSET, (file) => {
    for (const tensor of file.tensors.slice(8)) tensor.offset = Number(tensor.offset) + 32;
  }),
  change('tensors out of order', OFFSET, (file) => file.tensors.reverse()),
  change('an offset beyond the file', OFFSET, setTensor(Q, { offset: 2 ** 40 })),
  change('an offset of 2^63', OFFSET, setTensor(Q, { offset: 2n ** 63n })),
  ['one byte short', ggufBytes().subarray(0, -1), /^tensor output_norm.weight$/],
];

const arch = (key: string) => `llama.${key}`;
const wrongValue = (key: string, type: number, value: Uint8Array, field = key): Malformed =>
  change(`${key} ${type} ${value.join(' ')}`, new RegExp(field), setPair(key, type, value));
const KEYS: Malformed[] = [
  change('no architecture', /architecture/, dropPair('general.architecture')),
  wrongValue('general.architecture', TYPE.STRING, text('bert')),
  wrongValue('general.architecture', TYPE.UINT32, u32(1)),
  change('no block_count', /block_count/, dropPair(arch('block_count'))),
  wrongValue(arch('block_count'), TYPE.UINT32, u32(0)),
  wrongValue(arch('block_count'), TYPE.UINT32, u32(513), 'numLayers'),
  wrongValue(arch('block_count'), TYPE.FLOAT32, f32(1)),
  wrongValue(arch('block_count'), TYPE.INT32, u32(2 ** 32 - 1)),
  wrongValue(arch('attention.head_count'), TYPE.UINT32, u32(0)),
  wrongValue(arch('attention.head_count'), TYPE.UINT32, u32(3), 'key_length|headDim|dimension_count'),
  wrongValue(arch('attention.head_count_kv'), TYPE.UINT32, u32(4), 'numKvHeads'),
  wrongValue(arch('attention.head_count_kv'), TYPE.ARRAY, array(TYPE.UINT32, 1, u32(1))),
  wrongValue(arch('embedding_length'), TYPE.UINT32, u32(33), 'key_length|headDim'),
  wrongValue(arch('rope.freq_base'), TYPE.FLOAT32, f32(Number.NaN)),
  wrongValue(arch('rope.freq_base'), TYPE.FLOAT32, f32(0)),
  wrongValue(arch('rope.freq_base'), TYPE.FLOAT32, f32(Number.POSITIVE_INFINITY)),
  wrongValue(arch('rope.dimension_count'), TYPE.UINT32, u32(8)),
  wrongValue(arch('rope.scaling.type'), TYPE.STRING, text('yarn')),
  wrongValue(arch('attention.layer_norm_rms_epsilon'), TYPE.FLOAT32, f32(-1e-5)),
  wrongValue(arch('context_length'), TYPE.UINT32, u32(2 ** 32 - 1), 'maxSeqLen'),
  wrongValue('split.count', TYPE.UINT16, Uint8Array.of(3, 0)),
];

const MISMATCHES: Malformed[] = [
  change(
    'a missing layer',
    /^model.layers.1.input_layernorm.weight$/,
    setPair(arch('block_count'), TYPE.UINT32, u32(2)),
  ),
  change('a missing tensor', /^model.layers.0.mlp.up_proj.weight$/, (file) => {
    const at = file.tensors.findIndex(({ name }) => name === 'blk.0.ffn_up.weight');
    const [{ size }] = file.tensors.splice(at, 1);
    for (const tensor of file.tensors.slice(at)) tensor.offset = Number(tensor.offset) - size;
  }),
  change('a wrong shape', /^model.layers.0.self_attn.q_proj.weight$/, setTensor(Q, { dims: [64, 16] })),
  change(
    'a transposed matrix',
    /^model.layers.0.mlp.down_proj.weight$/,
    setTensor('blk.0.ffn_down.weight', { dims: [32, 64] }),
  ),
  change(
    'a matrix in three axes',
    /^model.layers.0.self_attn.q_proj.weight$/,
    setTensor(Q, { dims: [32, 16, 2] }),
  ),
  change(
    'a vocabulary size that is not the rows',
    /^llama.vocab_size$/,
    setPair(arch('vocab_size'), TYPE.UINT32, u32(25)),
  ),
  change('a norm in blocks', /^model.norm.weight$/, setTensor('output_norm.weight', { type: 8 })),
  change('a tensor of no model', /^blk.0.attn_gate.weight$/, (file) => {
    const { offset, size } = file.tensors[10];
    file.tensors.push({
      name: 'blk.0.attn_gate.weight',
      dims: [8],
      type: 0,
      offset: Number(offset) + size,
      size: 32,
    });
  }),
  change('a head of another size', /^lm_head.weight$/, (file) => {
    const { offset, size } = file.tensors[10];
    file.tensors.push({
      name: 'output.weight',
      dims: [32, 2],
      type: 0,
      offset: Number(offset) + size,
      size: 256,
    });
  }),
  change('rotary divisors of no known scaling', /^rope_freqs.weight$/, (file) => {
    const { offset, size } = file.tensors[10];
    file.tensors.push({
      name: 'rope_freqs.weight',
      dims: [8],
      type: 0,
      offset: Number(offset) + size,
      size: 32,
    });
  }),
];

const ggml = (name: string) => `tokenizer.ggml.${name}`;
const TOKENIZERS: Malformed[] = [
  wrongValue(ggml('model'), TYPE.STRING, text('llama')),
  change('tokens without a model', /model/, dropPair(ggml('model'))),
  change('no tokens', /tokens/, dropPair(ggml('tokens'))),
  change('no merges', /merges/, dropPair(ggml('merges'))),
  wrongValue(ggml('tokens'), TYPE.ARRAY, texts(TOKENS.slice(1))),
  wrongValue(ggml('tokens'), TYPE.ARRAY, array(TYPE.UINT32, VOCAB_SIZE, new Uint8Array(4 * VOCAB_SIZE))),
  wrongValue(ggml('tokens'), TYPE.STRING, text('a')),
  wrongValue(ggml('merges'), TYPE.ARRAY, array(TYPE.UINT8, 3, new Uint8Array(3))),
  wrongValue(ggml('token_type'), TYPE.ARRAY, array(TYPE.INT32, 3, i32s([1, 1, 1]))),
  wrongValue(ggml('token_type'), TYPE.ARRAY, array(TYPE.UINT8, VOCAB_SIZE, new Uint8Array(VOCAB_SIZE))),
  wrongValue(ggml('bos_token_id'), TYPE.UINT32, u32(VOCAB_SIZE)),
  wrongValue(ggml('eos_token_id'), TYPE.UINT32, u32(2 ** 32 - 1)),
  wrongValue(ggml('unknown_token_id'), TYPE.UINT32, u32(VOCAB_SIZE)),
  wrongValue(ggml('eos_token_id'), TYPE.STRING, text('2')),
  wrongValue(ggml('add_bos_token'), TYPE.UINT8, Uint8Array.of(1)),
  wrongValue('tokenizer.chat_template', TYPE.ARRAY, texts(['a'])),
];

const CLASSES: [string, Malformed[]][] = [
  ['1 and 2: magic and version', OTHER_FILES],
  ['3: counts', COUNTS],
  ['4 to 7: keys, types, strings, arrays', KEYS_AND_VALUES],
  ['8: alignment', ALIGNMENTS],
  ['9 to 11: tensor names, dimensions, types', TENSORS],
  ['12 and 13: offsets and the end of the file', OFFSETS],
  ['14: required keys', KEYS],
  ['15: tensors against the config', MISMATCHES],
  ['16: tokenizer', TOKENIZERS],
];

describe.each(CLASSES)('readGguf, malformed class %s', (_, files) => {
  it.each(files)('refuses %s with file, field and byte', async (...file) => {
    await expectFormatError(file, readGguf);
  });
});

describe('readGguf', () => {
  it('accepts the file that all of these were made from', async () => {
    expect((await readGguf(bytesSource('tiny.gguf', ggufBytes()))).tensors.size).toBe(11);
  });

  it('takes under 50 ms for each malformed file', { tags: ['slow'] }, async () => {
    const files = CLASSES.flatMap(([, list]) => list);
    const start = performance.now();
    for (const [, bytes] of files) await readGguf(bytesSource('x', bytes)).catch(() => {});
    expect((performance.now() - start) / files.length).toBeLessThan(50);
  });

  it('refuses the file cut at every byte before the end of the last tensor', { tags: ['slow'] }, async () => {
    const whole = ggufBytes();
    for (let size = 0; size < whole.length; size += size < 2400 ? 1 : 37) {
      const { source } = countingSource(whole.subarray(0, size));
      await expect(readGguf(source), `cut at ${size}`).rejects.toThrow(FormatError);
    }
  });

  it('opens a file with a token of 1 MB and a template of 10 MB: tokenizer and chat judge them', {
    tags: ['slow'],
  }, async () => {
    const bytes = ggufBytes((file) => {
      setPair(ggml('tokens'), TYPE.ARRAY, texts([...TOKENS.slice(1), 'x'.repeat(2 ** 20)]))(file);
      setPair('tokenizer.chat_template', TYPE.STRING, text('y'.repeat(10_000_000)))(file);
    });
    const checkpoint = await readGguf(bytesSource('x', bytes));
    expect(checkpoint.chatTemplate).toHaveLength(10_000_000);
    expect(MERGES).toHaveLength(3);
  });

  it('opens a file without a tokenizer', async () => {
    const bytes = ggufBytes((file) => {
      file.pairs = file.pairs.filter(({ key }) => !String(key).startsWith('tokenizer.'));
    });
    expect((await readGguf(bytesSource('x', bytes))).tokenizer).toBeUndefined();
  });
});

describe('readGguf on mutated bytes', () => {
  const valid = ggufBytes();
  const extremes = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
  const at = fc.oneof(fc.nat(2400), fc.nat(valid.length - 8));
  const mutation = fc.oneof(
    { weight: 4, arbitrary: fc.record({ at, bytes: fc.uint8Array({ minLength: 1, maxLength: 1 }) }) },
    { weight: 2, arbitrary: fc.record({ at, bytes: fc.constantFrom(...extremes).map(u64) }) },
    { weight: 1, arbitrary: fc.record({ at, bytes: fc.uint8Array({ minLength: 2, maxLength: 16 }) }) },
  );
  const numRuns = Number(process.env.FUZZ_RUNS ?? 2000);

  it(`ends in a checkpoint that can be read whole or in a FormatError, ${numRuns} times`, {
    tags: ['slow'],
  }, async () => {
    let opened = 0;
    const property = async (mutations: { at: number; bytes: Uint8Array }[], cut: number) => {
      const bytes = valid.slice(0, valid.length - cut);
      for (const mutated of mutations) {
        const room = bytes.subarray(Math.min(mutated.at, bytes.length));
        room.set(mutated.bytes.subarray(0, room.length));
      }
      const { source, count } = countingSource(bytes);
      try {
        const { tensors } = await readGguf(source);
        opened++;
        expect(count.bytes).toBeLessThanOrEqual(bytes.length);
        for (const tensor of tensors.values()) {
          const rows = await tensor.readRows(0, tensor.shape.length === 1 ? 1 : tensor.shape[0]);
          expect(rows.length).toBe(tensor.byteLength);
        }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.offset).toBeGreaterThanOrEqual(0);
      }
    };
    const cut = fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(valid.length) },
    );
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 6 });
    await fc.assert(fc.asyncProperty(mutations, cut, property), { numRuns, seed: 20 });
    // Some mutations hit weights only, or words that nobody reads: were there none, nothing would have been
    // tested.
    expect(opened).toBeGreaterThan(numRuns / 20);
    expect(opened).toBeLessThan((numRuns * 19) / 20);
  });
});
