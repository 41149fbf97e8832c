// A language model in one file: reads SmolLM2's weights from a GGUF file and says what comes after a text.
//
//     node --import ./bench/typescript.mjs course/paris.ts MODEL.gguf "The capital of France is"
//
// Nothing is imported but the reading of a file. Chapter 7 of the course takes it apart.

import { readFileSync } from 'node:fs';

const [path, prompt = 'The capital of France is'] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: paris.ts MODEL.gguf [TEXT]');
const file = readFileSync(path);

// The file: a head of named settings, a table of tensors, and then their bytes.

let at = 8; // behind the letters GGUF and the version
const whole = (size: number) => Number(file.readUIntLE((at += size) - size, Math.min(size, 6)));
const u32 = () => whole(4);
const u64 = () => whole(8);
const text = (size = u64()) => file.toString('utf8', at, (at += size));
/** Bytes of a number of each type that a setting may have; 8 is a text, 9 a list. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const setting = (type: number): unknown => {
  if (type === 8) return text();
  if (type === 6) return file.readFloatLE((at += 4) - 4);
  if (type !== 9) return whole(SIZES[type]);
  const [of, length] = [u32(), u64()];
  return Array.from({ length }, () => setting(of));
};
const [numTensors, numSettings] = [u64(), u64()];
const settings = new Map(Array.from({ length: numSettings }, () => [text(), setting(u32())]));
const table = Array.from({ length: numTensors }, () => {
  const name = text();
  const shape = Array.from({ length: u32() }, u64);
  return { name, rowSize: shape[0], numRows: shape[1] ?? 1, type: u32(), offset: u64() };
});
const firstTensor = Math.ceil(at / 32) * 32;
const tensors = new Map(table.map((tensor) => [tensor.name, tensor]));
const tensor = (name: string) => tensors.get(`${name}.weight`) ?? table[0];

/** A 16-bit float: sign, five bits of exponent, ten of fraction. */
const f16 = (place: number) => {
  const bits = file.readUInt16LE(place);
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
};

/** Row r of a tensor as numbers. Types 3 and 8 keep 32 numbers in a block: Q4_1 in 20 bytes, Q8_0 in 34. */
const row = (name: string, r: number): Float64Array => {
  const { rowSize, type, offset } = tensor(name);
  const out = new Float64Array(rowSize);
  const blockBytes = type === 3 ? 20 : type === 8 ? 34 : 128;
  let block = firstTensor + offset + ((r * rowSize) / 32) * blockBytes;
  for (let i = 0; i < rowSize; i += 32, block += blockBytes) {
    const [scale, least] = [f16(block), f16(block + 2)];
    for (let j = 0; j < 32; j++) {
      if (type === 0) out[i + j] = file.readFloatLE(block + 4 * j);
      else if (type === 8) out[i + j] = scale * file.readInt8(block + 2 + j);
      else {
        const pair = file[block + 4 + (j % 16)];
        out[i + j] = scale * (j < 16 ? pair & 15 : pair >> 4) + least;
      }
    }
  }
  return out;
};

// Text to tokens: pieces, bytes, merges. A byte is written as a letter, so that every token is a word one can print.

const tokens = settings.get('tokenizer.ggml.tokens') as string[];
const ids = new Map(tokens.map((token, id) => [token, id]));
const ranks = new Map((settings.get('tokenizer.ggml.merges') as string[]).map((pair, rank) => [pair, rank]));
const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const hidden = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !printable(byte));
const letter = (byte: number) => String.fromCharCode(printable(byte) ? byte : 256 + hidden.indexOf(byte));
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d|\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

const encode = (words: string): number[] =>
  (words.match(PIECES) ?? []).flatMap((piece) => {
    const parts = Array.from(Buffer.from(piece), letter);
    for (;;) {
      const order = parts.slice(1).map((part, i) => ranks.get(`${parts[i]} ${part}`) ?? 1e9);
      const lowest = Math.min(...order, 1e9);
      if (lowest === 1e9) return parts.map((part) => ids.get(part) ?? 0);
      const i = order.indexOf(lowest);
      parts.splice(i, 2, parts[i] + parts[i + 1]);
    }
  });
const byteOf = (code: number) => (code < 256 ? code : hidden[code - 256]);
const decode = (id: number) => Buffer.from(Array.from(tokens[id], (c) => byteOf(c.charCodeAt(0)))).toString();

// The model. A stream of numbers runs along each token; thirty layers read it and add to it.

const number = (name: string) => settings.get(`llama.${name}`) as number;
const [numHeads, numKvHeads] = [number('attention.head_count'), number('attention.head_count_kv')];
const headDim = number('embedding_length') / numHeads;
const [eps, theta] = [number('attention.layer_norm_rms_epsilon'), number('rope.freq_base')];

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const linear = (name: string, rows: Float64Array[]): Float64Array[] => {
  const matrix = Array.from({ length: tensor(name).numRows }, (_, o) => row(name, o));
  return rows.map((x) => Float64Array.from(matrix, (weights) => dot(weights, x)));
};
const rmsNorm = (name: string, x: Float64Array) => {
  const rms = Math.sqrt(dot(x, x) / x.length + eps);
  return row(name, 0).map((weight, i) => (x[i] / rms) * weight);
};
/** Turns pairs by the token's position. GGUF stores query and key rows so that neighbours are the pairs. */
const rope = (x: Float64Array, pos: number) =>
  x.map((value, i) => {
    const angle = pos * theta ** (-((i % headDim) & ~1) / headDim);
    const partner = i & 1 ? x[i - 1] : -x[i + 1];
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
const softmax = (scores: Float64Array) => {
  const max = scores.reduce((a, b) => Math.max(a, b));
  const raised = scores.map((score) => Math.exp(score - max));
  const sum = raised.reduce((a, b) => a + b);
  return raised.map((e) => e / sum);
};
/** Each head of the token at pos gathers values of the tokens up to it, by how well their keys match its query. */
const attend = (q: Float64Array, keys: Float64Array[], values: Float64Array[], pos: number) => {
  const head = (x: Float64Array, h: number) => x.subarray(h * headDim, (h + 1) * headDim);
  const out = new Float64Array(q.length);
  for (let h = 0; h < numHeads; h++) {
    const kvHead = Math.floor(h / (numHeads / numKvHeads));
    const score = (k: Float64Array) => dot(head(q, h), head(k, kvHead)) / Math.sqrt(headDim);
    const weights = softmax(Float64Array.from(keys.slice(0, pos + 1), score));
    for (const [p, weight] of weights.entries())
      head(values[p], kvHead).forEach((v, i) => (out[h * headDim + i] += weight * v));
  }
  return out;
};
const add = (stream: Float64Array[], branch: Float64Array[]) =>
  stream.map((x, t) => x.map((value, i) => value + branch[t][i]));

const forward = (prompt: number[]): Float64Array => {
  let stream = prompt.map((id) => row('token_embd', id));
  for (let layer = 0; layer < number('block_count'); layer++) {
    const name = (part: string) => `blk.${layer}.${part}`;
    const normed = stream.map((x) => rmsNorm(name('attn_norm'), x));
    const [q, k] = ['attn_q', 'attn_k'].map((part) => linear(name(part), normed).map(rope));
    const v = linear(name('attn_v'), normed);
    const gathered = q.map((query, pos) => attend(query, k, v, pos));
    stream = add(stream, linear(name('attn_output'), gathered));

    const again = stream.map((x) => rmsNorm(name('ffn_norm'), x));
    const [gate, up] = ['ffn_gate', 'ffn_up'].map((part) => linear(name(part), again));
    const mixed = gate.map((row, t) => row.map((z, i) => (z / (1 + Math.exp(-z))) * up[t][i]));
    stream = add(stream, linear(name('ffn_down'), mixed));
  }
  const last = rmsNorm('output_norm', stream[stream.length - 1]);
  return softmax(linear('token_embd', [last])[0]);
};

// Ask.

const probabilities = forward(encode(prompt));
const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b] - probabilities[a]);
console.log(prompt);
for (const id of order.slice(0, 5))
  console.log(`${(100 * probabilities[id]).toFixed(1).padStart(6)} % ${JSON.stringify(decode(id))}`);
