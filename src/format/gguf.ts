// A GGUF file as a Checkpoint: tensors under HuggingFace names and in HuggingFace's row order, config,
// tokenizer and chat template out of the metadata. gguf-header.ts reads the bytes; gguf-names.ts knows
// the two conventions.

import { FormatError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import { StringTable } from '../base/string-table.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { decodeToF64 } from '../quant/decode.ts';
import type { GgufTokenizerSource } from '../tokenizer/source.ts';
import { type Checkpoint, checkTensors } from './checkpoint.ts';
import { configFromGguf } from './gguf-config.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './gguf-header.ts';
import { ggufRow, ggufTensorName, hfTensorName, isPermuted, reorderRows } from './gguf-names.ts';
import { type OpenBeside, readWholeHeader } from './gguf-shards.ts';
import type { GgufType } from './gguf-values.ts';
import { reusedBuffer } from './pieces.ts';
import { rowTensor } from './row-tensor.ts';
import type { Source } from './source.ts';

/** Divisors of the rotary frequencies: half a head of numbers, not a weight. */
const ROPE_DIVISORS = 'rope_freqs.weight';

/** Longest rope_freqs.weight that is read: half the largest head there is, with room. */
const MAX_ROPE_DIVISORS = 4096;

/** Arrays of metadata up to this length are kept as plain arrays; vocabularies are the tokenizer's. */
const MAX_PLAIN_ARRAY = 64;

/**
 * Opens a GGUF file of the `llama` or `qwen2` architecture. Weights are read when asked for.
 *
 * @param openBeside opens the other shards of a model in several files; `source` is the first of them
 * @throws FormatError with file, field and byte offset when the file breaks the format or does not hold
 * such a model
 */
export async function readGguf(source: Source, openBeside?: OpenBeside): Promise<Checkpoint> {
  try {
    return await openGguf(source, openBeside);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** The tokenizer and template of a GGUF file, whether or not it has weights (a vocabulary alone is one too). */
export async function readGgufTokenizer(
  source: Source,
): Promise<Pick<Checkpoint, 'name' | 'tokenizer' | 'chatTemplate'>> {
  try {
    const header = await readGgufHeader(source);
    checkTypes(header);
    const tokens = header.metadata.get('tokenizer.ggml.tokens')?.value;
    const vocabSize = typeof tokens === 'object' ? tokens.count : 0;
    const id = (name: string) => {
      const value = header.metadata.get(`tokenizer.ggml.${name}_token_id`)?.value;
      return typeof value === 'number' && value >= 0 && value < vocabSize ? value : undefined;
    };
    const eosIds = ['eos', 'eot', 'eom'].map(id).filter((end) => end !== undefined);
    const tokenizer = readTokenizer(header, { vocabSize, bosId: id('bos'), eosIds: [...new Set(eosIds)] });
    return { name: source.name, tokenizer, chatTemplate: stringOf(header, 'tokenizer.chat_template') };
  } finally {
    await source.close?.();
  }
}

async function openGguf(source: Source, openBeside?: OpenBeside): Promise<Checkpoint> {
  const { header, close } = await readWholeHeader(source, openBeside);
  try {
    return await checkpointOf(source, header, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function checkpointOf(
  source: Source,
  header: GgufHeader,
  close: () => Promise<void>,
): Promise<Checkpoint> {
  const metadata = plainMetadata(header);
  checkTypes(header);
  const config = await locating(header, () => readConfig(source, header, metadata));
  const isLlama = metadata['general.architecture'] === 'llama';
  const tensors = new Map<string, Tensor>();
  const bufferFor = source.isTransient ? reusedBuffer() : undefined;
  for (const line of header.tensors) {
    if (line.name === ROPE_DIVISORS) continue;
    const name = hfTensorName(line.name) ?? line.name;
    const tensor = rowTensor(line.source ?? source, { ...line, name });
    const isMoved = isLlama && isPermuted(name);
    tensors.set(name, isMoved ? reorderRows(tensor, config.headDim, ggufRow, bufferFor) : tensor);
  }
  await locating(header, () => checkTensors(header.file, config, tensors));
  const template = stringOf(header, 'tokenizer.chat_template');
  return {
    name: source.name,
    format: 'gguf',
    config,
    tensors,
    metadata,
    tokenizer: readTokenizer(header, config),
    chatTemplate: template,
    close,
  };
}

/** Scalars and short arrays as plain values, in an object without prototype: keys are the file's. */
function plainMetadata(header: GgufHeader): Record<string, unknown> {
  const plain: Record<string, unknown> = Object.create(null);
  for (const [key, { value }] of header.metadata) {
    if (typeof value !== 'object') {
      plain[key] = value;
    } else if (value.count <= MAX_PLAIN_ARRAY) {
      const { values } = value;
      const items =
        values instanceof StringTable
          ? Array.from(values.offsets.subarray(1), (_, i) => values.get(i))
          : [...values];
      plain[key] = value.elementType === 'BOOL' ? items.map(Boolean) : items;
    }
  }
  return plain;
}

const INTEGER_TYPES: readonly GgufType[] = [
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'UINT32',
  'INT32',
  'UINT64',
  'INT64',
];
const FLOAT_TYPES: readonly GgufType[] = ['FLOAT32', 'FLOAT64'];

/** Types of the metadata that a config or tokenizer is read from, by the end of the key. */
const TYPES_BY_KEY: readonly (readonly [RegExp, readonly GgufType[]])[] = [
  [/\.(block_count|context_length|embedding_length|feed_forward_length|vocab_size)$/, INTEGER_TYPES],
  [/\.(head_count|head_count_kv|key_length|value_length|dimension_count|\w+_token_id)$/, INTEGER_TYPES],
  [/\.(freq_base|layer_norm_rms_epsilon)$/, FLOAT_TYPES],
  [/^tokenizer\.ggml\.add_\w+$/, ['BOOL']],
  [/^(general\.architecture|tokenizer\.ggml\.(model|pre)|tokenizer\.chat_template)$/, ['STRING']],
  [/^tokenizer\.ggml\.(tokens|merges|token_type|scores)$/, ['ARRAY']],
];

function checkTypes(header: GgufHeader): void {
  for (const [key, { type, offset }] of header.metadata) {
    const known = TYPES_BY_KEY.find(([pattern]) => pattern.test(key));
    if (known && !known[1].includes(type)) {
      throw new FormatError(`expected ${known[1].join(' or ')}, got ${type}`, {
        file: header.file,
        field: key,
        offset,
      });
    }
  }
}

/** Gives a FormatError about a key or a tensor the byte offset at which that stands in the file. */
async function locating<Result>(header: GgufHeader, read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FormatError) || error.offset !== undefined) throw error;
    const field = error.field ?? '';
    const names = [field, ggufTensorName(field)];
    const line = header.tensors.find(({ name }) => names.includes(name));
    const offset = header.metadata.get(field)?.offset ?? line?.recordOffset ?? 0;
    throw new FormatError(error.problem, { file: error.file, field: error.field, offset });
  }
}

async function readConfig(
  source: Source,
  header: GgufHeader,
  metadata: Readonly<Record<string, unknown>>,
): Promise<ModelConfig> {
  const lines = new Map(header.tensors.map((line) => [line.name, line]));
  const embedding = lines.get('token_embd.weight');
  if (!embedding)
    throw new FormatError('expected a tensor, got none', { file: header.file, field: 'token_embd.weight' });
  const divisors = lines.get(ROPE_DIVISORS);
  const config = configFromGguf(
    {
      metadata,
      vocabSize: embedding.shape[0],
      has: (name) => lines.has(name),
      ropeDivisors: divisors && (await readRopeDivisors(source, divisors)),
    },
    header.file,
  );
  const sizeKey = `${metadata['general.architecture']}.vocab_size`;
  const vocabSize = metadata[sizeKey];
  if (vocabSize !== undefined && vocabSize !== config.vocabSize) {
    const message = `expected the ${config.vocabSize} rows of token_embd.weight, got ${vocabSize}`;
    throw new FormatError(message, { file: header.file, field: sizeKey });
  }
  return config;
}

async function readRopeDivisors(source: Source, line: GgufTensor): Promise<number[]> {
  const tensor = rowTensor(source, line);
  if (line.shape.length !== 1 || line.shape[0] > MAX_ROPE_DIVISORS) {
    const message = `expected a vector of at most ${MAX_ROPE_DIVISORS}, got [${line.shape.join(', ')}]`;
    throw new FormatError(message, { file: source.name, field: line.name });
  }
  const values = new Float64Array(line.shape[0]);
  decodeToF64(line.dtype, await tensor.readRows(0, 1), 0, values, 0, values.length);
  return [...values];
}

function stringOf(header: GgufHeader, key: string): string | undefined {
  const value = header.metadata.get(key)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** Names of pre-tokenizers whose models begin every text with BOS where the file does not say (llama.cpp). */
const PRE_WITH_BOS = ['llama3', 'llama-v3', 'llama-bpe', 'falcon3'];

/** The byte-level BPE tokenizer of the file; undefined where there is none at all. */
function readTokenizer(
  header: GgufHeader,
  config: Pick<ModelConfig, 'vocabSize' | 'bosId' | 'eosIds'>,
): GgufTokenizerSource | undefined {
  const { metadata, file } = header;
  const key = (name: string) => `tokenizer.ggml.${name}`;
  const refuse = (name: string, message: string): never => {
    throw new FormatError(message, { file, field: key(name), offset: metadata.get(key(name))?.offset ?? 0 });
  };
  const model = stringOf(header, key('model'));
  if (model === undefined && !metadata.has(key('tokens'))) return undefined;
  if (model !== 'gpt2') refuse('model', `expected "gpt2" (byte-level BPE), got ${shown(model)}`);
  const strings = (name: string): StringTable => {
    const array = metadata.get(key(name))?.value;
    if (typeof array === 'object' && array.values instanceof StringTable) return array.values;
    return refuse(name, 'expected an array of strings, got something else');
  };
  const tokens = strings('tokens');
  if (tokens.count !== config.vocabSize) {
    refuse('tokens', `expected ${config.vocabSize} (rows of token_embd.weight), got ${tokens.count}`);
  }
  const types = metadata.get(key('token_type'))?.value;
  const tokenTypes = typeof types === 'object' ? types.values : new Int32Array(tokens.count).fill(1);
  if (!(tokenTypes instanceof Int32Array))
    return refuse('token_type', 'expected INT32 numbers, got another type');
  if (tokenTypes.length !== tokens.count) {
    refuse('token_type', `expected ${tokens.count} (one a token), got ${tokenTypes.length}`);
  }
  const unkId = metadata.get(key('unknown_token_id'))?.value;
  if (typeof unkId === 'number' && !(unkId >= 0 && unkId < tokens.count)) {
    refuse('unknown_token_id', `expected an id below ${tokens.count}, got ${unkId}`);
  }
  const pre = stringOf(header, key('pre')) ?? 'default';
  const flag = (name: string) => metadata.get(key(name))?.value as boolean | undefined;
  return {
    kind: 'gguf',
    tokens,
    merges: strings('merges'),
    tokenTypes,
    pre,
    bosId: config.bosId,
    eosIds: config.eosIds,
    unkId: typeof unkId === 'number' ? unkId : undefined,
    addBos: flag('add_bos_token') ?? PRE_WITH_BOS.includes(pre),
    addSpacePrefix: flag('add_space_prefix') ?? false,
    file,
  };
}
