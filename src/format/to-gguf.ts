// What a checkpoint is in GGUF's terms: metadata pairs, and tensors under GGUF names in GGUF's row order. A GGUF file
// keeps its own; an HF folder is translated as llama.cpp's converter does it.

import { FormatError, UnsupportedError } from '../base/errors.ts';
import { ropeDivisor, ropeFrequencies } from '../base/rotations.ts';
import type { Tensor } from '../base/tensor.ts';
import type { ModelConfig } from '../config.ts';
import { readJsonTokenizer } from '../tokenizer/read-json.ts';
import type { TokenizerSpec } from '../tokenizer/spec.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readGguf } from './gguf.ts';
import { ggufTensorName, hfRow, isPermuted, reorderRows } from './gguf-names.ts';
import { type OpenBeside, readWholeHeader, withoutSplit } from './gguf-shards.ts';
import { encodeGgufValue, type GgufPair } from './gguf-write.ts';
import { rowTensor } from './row-tensor.ts';
import type { Source } from './source.ts';

/** A model ready to be written as GGUF. */
export interface GgufContent {
  readonly metadata: readonly GgufPair[];
  /** Under GGUF names, rows in GGUF's order. */
  readonly tensors: readonly Tensor[];
}

/**
 * Metadata and tensors of a GGUF file, or of all its shards, as they are.
 *
 * @throws FormatError when the file is not a whole model that the reader knows
 */
export async function ggufContent(
  source: Source,
  openBeside?: OpenBeside,
): Promise<GgufContent & { close: () => Promise<void> }> {
  const checkpoint = await readGguf(source, openBeside);
  const { header, close } = await readWholeHeader(source, openBeside);
  const pairs = Array.from(header.metadata, ([key, { encoded }]) => ({ key, encoded }));
  return {
    metadata: withoutSplit(pairs),
    tensors: header.tensors.map((line) => rowTensor(line.source ?? source, line)),
    close: async () => {
      await close();
      await checkpoint.close();
    },
  };
}

/**
 * Metadata and tensors for a checkpoint out of an HF folder.
 *
 * @throws FormatError      when the folder has no tokenizer: no runtime could use the file
 * @throws UnsupportedError when GGUF cannot say what the config says
 */
export function ggufContentOfHf(checkpoint: Checkpoint): GgufContent {
  const { config, name, chatTemplate } = checkpoint;
  const { tokenizer } = checkpoint;
  if (tokenizer?.kind !== 'json') {
    throw new FormatError('expected a tokenizer.json, got none', { file: name });
  }
  const arch = config.qkvBias && !config.oBias && !config.mlpBias ? 'qwen2' : 'llama';
  const tensors = Array.from(checkpoint.tensors.values(), (tensor) => {
    const stored = arch === 'llama' && isPermuted(tensor.name);
    const ordered = stored ? reorderRows(tensor, config.headDim, hfRow) : tensor;
    return { ...ordered, name: ggufTensorName(tensor.name)! };
  });
  const pairs = [
    text('general.architecture', arch),
    text('general.name', name.split('/').filter(Boolean).at(-1) ?? name),
    ...modelPairs(arch, config),
    ...tokenizerPairs(readJsonTokenizer(tokenizer), config),
    ...(chatTemplate === undefined ? [] : [text('tokenizer.chat_template', chatTemplate)]),
  ];
  return { metadata: pairs, tensors: [...tensors, ...ropeDivisors(config)] };
}

function text(key: string, value: string): GgufPair {
  return { key, encoded: encodeGgufValue('STRING', value) };
}

function whole(key: string, value: number): GgufPair {
  return { key, encoded: encodeGgufValue('UINT32', value) };
}

function float(key: string, value: number): GgufPair {
  return { key, encoded: encodeGgufValue('FLOAT32', value) };
}

function flag(key: string, value: boolean): GgufPair {
  return { key, encoded: encodeGgufValue('BOOL', value) };
}

function modelPairs(arch: string, config: ModelConfig): GgufPair[] {
  const { headDim, hiddenSize, numHeads } = config;
  const pairs = [
    whole(`${arch}.vocab_size`, config.vocabSize),
    whole(`${arch}.context_length`, config.maxSeqLen),
    whole(`${arch}.embedding_length`, hiddenSize),
    whole(`${arch}.block_count`, config.numLayers),
    whole(`${arch}.feed_forward_length`, config.intermediateSize),
    whole(`${arch}.attention.head_count`, numHeads),
    whole(`${arch}.attention.head_count_kv`, config.numKvHeads),
    float(`${arch}.attention.layer_norm_rms_epsilon`, config.rmsNormEps),
    float(`${arch}.rope.freq_base`, config.ropeTheta),
    whole(`${arch}.rope.dimension_count`, headDim),
  ];
  if (headDim * numHeads !== hiddenSize) {
    pairs.push(
      whole(`${arch}.attention.key_length`, headDim),
      whole(`${arch}.attention.value_length`, headDim),
    );
  }
  return pairs;
}

/** Values of `tokenizer.ggml.token_type`. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

function tokenizerPairs(spec: TokenizerSpec, config: ModelConfig): GgufPair[] {
  const { vocabSize } = config;
  const { tokens, merges, added, pretokenizer } = spec;
  if (tokens.count > vocabSize) {
    throw new FormatError(`expected at most ${vocabSize} tokens, got ${tokens.count}`, { file: spec.file });
  }
  const types = new Array<number>(vocabSize).fill(NORMAL);
  const texts = Array.from({ length: vocabSize }, (_, id) => (id < tokens.count ? tokens.get(id) : ''));
  for (const { id, isSpecial } of added) types[id] = isSpecial ? CONTROL : USER_DEFINED;
  for (const [id, token] of texts.entries()) {
    if (token !== '') continue;
    texts[id] = `[PAD${id}]`; // ids of the matrix that no token has, as the converter names them
    types[id] = UNUSED;
  }
  const ids = { bos: spec.bosId ?? config.bosId, eos: spec.eosIds[0] ?? config.eosIds[0] };
  return [
    text('tokenizer.ggml.model', 'gpt2'),
    text('tokenizer.ggml.pre', pretokenizer),
    { key: 'tokenizer.ggml.tokens', encoded: encodeGgufValue('ARRAY', texts, 'STRING') },
    { key: 'tokenizer.ggml.token_type', encoded: encodeGgufValue('ARRAY', types, 'INT32') },
    { key: 'tokenizer.ggml.merges', encoded: encodeGgufValue('ARRAY', merges, 'STRING') },
    ...(ids.bos === undefined ? [] : [whole('tokenizer.ggml.bos_token_id', ids.bos)]),
    ...(ids.eos === undefined ? [] : [whole('tokenizer.ggml.eos_token_id', ids.eos)]),
    ...moreEndIds(spec, config, ids.eos),
    flag('tokenizer.ggml.add_bos_token', spec.addBos),
    flag('tokenizer.ggml.add_space_prefix', false),
  ];
}

/** A second id that ends an answer has its own key; a file has room for two more. */
function moreEndIds(spec: TokenizerSpec, config: ModelConfig, eosId: number | undefined): GgufPair[] {
  const more = [...new Set([...spec.eosIds, ...config.eosIds])].filter((id) => id !== eosId);
  return ['eot', 'eom']
    .slice(0, more.length)
    .map((end, i) => whole(`tokenizer.ggml.${end}_token_id`, more[i]));
}

/** `rope_freqs.weight` [headDim / 2]: what Llama 3's scaling divides each frequency by. */
function ropeDivisors(config: ModelConfig): Tensor[] {
  const { ropeScaling } = config;
  if (!ropeScaling) return [];
  const { lowFreqFactor, highFreqFactor, originalMaxSeqLen } = ropeScaling;
  if (lowFreqFactor !== 1 || highFreqFactor !== 4 || originalMaxSeqLen !== 8192) {
    throw new UnsupportedError(
      'rope_scaling: expected the constants of Llama 3.1 and 3.2 (1, 4, 8192), which GGUF readers know, got ' +
        `${lowFreqFactor}, ${highFreqFactor}, ${originalMaxSeqLen}`,
    );
  }
  const plain = ropeFrequencies({ ...config, ropeScaling: undefined });
  const divisors = Float32Array.from(plain, (frequency) => ropeDivisor(frequency, ropeScaling));
  const bytes = new Uint8Array(divisors.buffer);
  return [
    {
      name: 'rope_freqs.weight',
      dtype: 'F32',
      shape: [divisors.length],
      byteLength: bytes.length,
      readRows: async (begin, end) => bytes.subarray(begin * bytes.length, end * bytes.length),
    },
  ];
}
