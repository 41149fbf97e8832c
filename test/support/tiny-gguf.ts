// A tiny valid GGUF file, built byte by byte and apart from src/format/gguf-write.ts, so that every field
// can be made wrong. One layer, 2 query heads of 16 on 1 key head, 24 tokens.

import type { Source } from '../../src/format/source.ts';

export interface RawPair {
  key: string | Uint8Array;
  type: number;
  value: Uint8Array;
}

export interface RawTensor {
  name: string | Uint8Array;
  /** As the file has them: the contiguous axis first. */
  dims: (number | bigint)[];
  numDims?: number;
  type: number;
  offset: number | bigint;
  /** Bytes in the file. */
  size: number;
}

export interface RawGguf {
  magic: Uint8Array;
  version: number;
  tensorCount?: bigint;
  pairCount?: bigint;
  pairs: RawPair[];
  tensors: RawTensor[];
  alignment: number;
  paddingByte: number;
  tail: Uint8Array;
}

const utf8 = new TextEncoder();

export const TYPE = {
  UINT8: 0,
  INT8: 1,
  UINT16: 2,
  INT16: 3,
  UINT32: 4,
  INT32: 5,
  FLOAT32: 6,
  BOOL: 7,
  STRING: 8,
  ARRAY: 9,
  UINT64: 10,
  INT64: 11,
  FLOAT64: 12,
};

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
export const u64 = (value: number | bigint) =>
  new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, BigInt(value))).buffer);
export const f32 = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
export const i32s = (values: readonly number[]) => new Uint8Array(Int32Array.from(values).buffer);
export const text = (value: string | Uint8Array) => {
  const bytes = typeof value === 'string' ? utf8.encode(value) : value;
  return concat(u64(bytes.length), bytes);
};
export const array = (type: number, count: number | bigint, ...elements: Uint8Array[]) =>
  concat(u32(type), u64(count), ...elements);
export const texts = (values: readonly (string | Uint8Array)[]) =>
  array(TYPE.STRING, values.length, ...values.map(text));

export const VOCAB_SIZE = 24;
export const TOKENS = [...'<>_abcdefghijklmnopqr'].concat('ab', 'cd', 'abcd');
export const MERGES = ['a b', 'c d', 'ab cd'];

export function tinyPairs(arch = 'llama'): RawPair[] {
  const pair = (key: string, type: number, value: Uint8Array): RawPair => ({ key, type, value });
  const types = TOKENS.map((_, id) => (id < 3 ? 3 : 1));
  return [
    pair('general.architecture', TYPE.STRING, text(arch)),
    pair('general.languages', TYPE.ARRAY, texts(['en', 'fr'])),
    pair(`${arch}.block_count`, TYPE.UINT32, u32(1)),
    pair(`${arch}.context_length`, TYPE.UINT32, u32(64)),
    pair(`${arch}.embedding_length`, TYPE.UINT32, u32(32)),
    pair(`${arch}.feed_forward_length`, TYPE.UINT32, u32(64)),
    pair(`${arch}.attention.head_count`, TYPE.UINT32, u32(2)),
    pair(`${arch}.attention.head_count_kv`, TYPE.UINT32, u32(1)),
    pair(`${arch}.rope.freq_base`, TYPE.FLOAT32, f32(10_000)),
    pair(`${arch}.rope.dimension_count`, TYPE.UINT32, u32(16)),
    pair(`${arch}.attention.layer_norm_rms_epsilon`, TYPE.FLOAT32, f32(1e-5)),
    pair(`${arch}.vocab_size`, TYPE.UINT32, u32(VOCAB_SIZE)),
    pair('general.alignment', TYPE.UINT32, u32(32)),
    pair('tokenizer.ggml.model', TYPE.STRING, text('gpt2')),
    pair('tokenizer.ggml.pre', TYPE.STRING, text('smollm')),
    pair('tokenizer.ggml.tokens', TYPE.ARRAY, texts(TOKENS)),
    pair('tokenizer.ggml.token_type', TYPE.ARRAY, array(TYPE.INT32, types.length, i32s(types))),
    pair('tokenizer.ggml.merges', TYPE.ARRAY, texts(MERGES)),
    pair('tokenizer.ggml.bos_token_id', TYPE.UINT32, u32(1)),
    pair('tokenizer.ggml.eos_token_id', TYPE.UINT32, u32(2)),
    pair('tokenizer.ggml.unknown_token_id', TYPE.UINT32, u32(0)),
    pair('tokenizer.ggml.add_bos_token', TYPE.BOOL, Uint8Array.of(0)),
    pair('tokenizer.chat_template', TYPE.STRING, text('{{ messages }}')),
    pair('test.u64', TYPE.UINT64, u64(2n ** 60n)),
    pair('test.i64', TYPE.INT64, u64(-5)),
    pair('test.f64', TYPE.FLOAT64, new Uint8Array(Float64Array.of(0.1).buffer)),
    pair('test.i8', TYPE.INT8, Uint8Array.of(0xff)),
    pair('test.i16', TYPE.INT16, Uint8Array.of(0xfe, 0xff)),
    pair('test.bools', TYPE.ARRAY, array(TYPE.BOOL, 2, Uint8Array.of(1, 0))),
  ];
}

const F32 = 0;
const Q4_1 = 3;
const Q8_0 = 8;
const BLOCK: Record<number, [values: number, bytes: number]> = {
  [F32]: [1, 4],
  [Q4_1]: [32, 20],
  [Q8_0]: [32, 34],
};

/** Tensors one after the other, aligned. */
function placed(alignment: number, list: [name: string, dims: number[], type: number][]): RawTensor[] {
  let offset = 0;
  return list.map(([name, dims, type]) => {
    const count = dims.reduce((product, size) => product * size, 1);
    const size = (count / BLOCK[type][0]) * BLOCK[type][1];
    const tensor = { name, dims, type, offset, size };
    offset = Math.ceil((offset + size) / alignment) * alignment;
    return tensor;
  });
}

export function tinyTensors(alignment = 32): RawTensor[] {
  return placed(alignment, [
    ['token_embd.weight', [32, VOCAB_SIZE], Q8_0],
    ['blk.0.attn_norm.weight', [32], F32],
    ['blk.0.ffn_down.weight', [64, 32], Q4_1],
    ['blk.0.ffn_gate.weight', [32, 64], Q4_1],
    ['blk.0.ffn_up.weight', [32, 64], Q4_1],
    ['blk.0.ffn_norm.weight', [32], F32],
    ['blk.0.attn_k.weight', [32, 16], Q4_1],
    ['blk.0.attn_output.weight', [32, 32], Q4_1],
    ['blk.0.attn_q.weight', [32, 32], Q4_1],
    ['blk.0.attn_v.weight', [32, 16], F32],
    ['output_norm.weight', [32], F32],
  ]);
}

/** The same with biases on query, key and value. */
export function tinyTensorsWithBias(): RawTensor[] {
  const plain = tinyTensors().map(({ name, dims, type }) => [name, dims, type] as [string, number[], number]);
  return placed(32, [
    ...plain,
    ['blk.0.attn_q.bias', [32], F32],
    ['blk.0.attn_k.bias', [16], F32],
    ['blk.0.attn_v.bias', [16], F32],
  ]);
}

/** Byte `i` of the tensor at `offset`: any bytes are valid blocks; F32 values are their index. */
function tensorBytes({ type, size, offset }: RawTensor): Uint8Array {
  if (type === F32) return new Uint8Array(Float32Array.from({ length: size / 4 }, (_, i) => i).buffer);
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + Number(offset)) & 0x3f);
}

/** The bytes of a file, valid but for what `change` does to it. */
export function ggufBytes(change: (file: RawGguf) => void = () => {}): Uint8Array {
  const file: RawGguf = {
    magic: utf8.encode('GGUF'),
    version: 3,
    pairs: tinyPairs(),
    tensors: tinyTensors(),
    alignment: 32,
    paddingByte: 0,
    tail: new Uint8Array(0),
  };
  change(file);
  const head = concat(
    file.magic,
    u32(file.version),
    u64(file.tensorCount ?? file.tensors.length),
    u64(file.pairCount ?? file.pairs.length),
    ...file.pairs.map(({ key, type, value }) => concat(text(key), u32(type), value)),
    ...file.tensors.map(({ name, dims, numDims, type, offset }) =>
      concat(text(name), u32(numDims ?? dims.length), ...dims.map(u64), u32(type), u64(offset)),
    ),
  );
  const padding = (size: number) =>
    new Uint8Array(Math.ceil(size / file.alignment) * file.alignment - size).fill(file.paddingByte);
  const body = file.tensors.map((tensor) => concat(tensorBytes(tensor), padding(tensor.size)));
  return concat(head, padding(head.length), ...body, file.tail);
}

/** A source that counts what is asked of it. */
export function countingSource(bytes: Uint8Array, name = 'tiny.gguf') {
  const count = { bytes: 0, largest: 0 };
  const source: Source = {
    name,
    size: bytes.length,
    read: async (offset, length) => {
      count.bytes += length;
      count.largest = Math.max(count.largest, length);
      if (offset + length > bytes.length) throw new Error(`read past the end: ${offset} + ${length}`);
      return bytes.slice(offset, offset + length);
    },
  };
  return { source, count };
}
