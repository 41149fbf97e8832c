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
const u32 = () => file.readUInt32LE((at += 4) - 4);
const u64 = () => Number(file.readBigUInt64LE((at += 8) - 8));
const text = () => {
  const size = u64();
  return file.toString('utf8', at, (at += size));
};
const list = (): unknown[] => {
  const [type, length] = [u32(), u64()];
  return Array.from({ length }, () => read[type]());
};
/** How to read a setting of each type that GGUF has: whole numbers, a float, true or false, text, lists. */
const read: (() => unknown)[] = [
  () => file.readUInt8(at++),
  () => file.readInt8(at++),
  () => file.readUInt16LE((at += 2) - 2),
  () => file.readInt16LE((at += 2) - 2),
  u32,
  () => file.readInt32LE((at += 4) - 4),
  () => file.readFloatLE((at += 4) - 4),
  () => file.readUInt8(at++) === 1,
  text,
  list,
  u64,
  () => Number(file.readBigInt64LE((at += 8) - 8)),
  () => file.readDoubleLE((at += 8) - 8),
];
const [numTensors, numSettings] = [u64(), u64()];
const settings = new Map(Array.from({ length: numSettings }, () => [text(), read[u32()]()]));
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
      const order = parts
        .slice(1)
        .map((part, i) => ranks.get(`${parts[i]} ${part}`) ?? Number.POSITIVE_INFINITY);
      const lowest = Math.min(...order);
      if (lowest === Number.POSITIVE_INFINITY) return parts.map((part) => ids.get(part) ?? 0);
      const i = order.indexOf(lowest);
      parts.splice(i, 2, parts[i] + parts[i + 1]);
    }
  });
const decode = (id: number) => {
  const bytes = Array.from(tokens[id], (c) =>
    c.charCodeAt(0) < 256 ? c.charCodeAt(0) : hidden[c.charCodeAt(0) - 256],
  );
  return Buffer.from(bytes).toString();
};

// The model. A stream of numbers runs along each token; thirty layers read it and add to it.

const number = (name: string) => settings.get(`llama.${name}`) as number;
const [numLayers, numHeads, numKvHeads] = [
  'block_count',
  'attention.head_count',
  'attention.head_count_kv',
].map(number);
const headDim = number('embedding_length') / numHeads;
const [eps, theta] = [number('attention.layer_norm_rms_epsilon'), number('rope.freq_base')];

const dot = (a: Float64Array, b: Float64Array) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};
const linear = (name: string, rows: Float64Array[]): Float64Array[] => {
  const out = rows.map(() => new Float64Array(tensor(name).numRows));
  for (let o = 0; o < tensor(name).numRows; o++) {
    const weights = row(name, o);
    for (const [t, x] of rows.entries()) out[t][o] = dot(weights, x);
  }
  return out;
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
    const seen = keys.slice(0, pos + 1);
    const weights = softmax(
      Float64Array.from(seen, (k) => dot(head(q, h), head(k, kvHead)) / Math.sqrt(headDim)),
    );
    for (const [p, weight] of weights.entries())
      head(values[p], kvHead).forEach((v, i) => (out[h * headDim + i] += weight * v));
  }
  return out;
};
const add = (stream: Float64Array[], branch: Float64Array[]) =>
  stream.map((x, t) => x.map((value, i) => value + branch[t][i]));

const forward = (prompt: number[]): Float64Array => {
  let stream = prompt.map((id) => row('token_embd', id));
  for (let layer = 0; layer < numLayers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}`;
    const normed = stream.map((x) => rmsNorm(name('attn_norm'), x));
    const [q, k] = ['attn_q', 'attn_k'].map((part) => linear(name(part), normed).map(rope));
    const v = linear(name('attn_v'), normed);
    stream = add(
      stream,
      linear(
        name('attn_output'),
        q.map((query, pos) => attend(query, k, v, pos)),
      ),
    );

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
const best = Array.from(probabilities.keys())
  .sort((a, b) => probabilities[b] - probabilities[a])
  .slice(0, 5);
console.log(prompt);
for (const id of best)
  console.log(`${(100 * probabilities[id]).toFixed(1).padStart(6)} % ${JSON.stringify(decode(id))}`);
