import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { ropeFrequencies } from '../../src/base/rotations.ts';
import { kvCacheBytes, numParameters, SMOLLM2_CONFIGS, weightsBytes } from '../../src/config.ts';
import { configFromGguf } from '../../src/format/gguf-config.ts';
import { configFromHf } from '../../src/format/hf-config.ts';
import { goldenJson } from '../support/goldens.ts';

/** config.json of the models that the paper compares with (sizes from their model cards). */
const LLAMA_1B = {
  model_type: 'llama',
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  vocab_size: 128256,
  max_position_embeddings: 131072,
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 32,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  },
  hidden_act: 'silu',
  tie_word_embeddings: true,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
};
const qwen = (hidden: number, layers: number, heads: number, intermediate: number) => ({
  model_type: 'qwen2',
  hidden_size: hidden,
  intermediate_size: intermediate,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: 2,
  vocab_size: 151936,
  max_position_embeddings: 32768,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  hidden_act: 'silu',
  use_sliding_window: false,
  tie_word_embeddings: true,
  bos_token_id: 151643,
  eos_token_id: 151645,
});

describe('the published numbers follow from the config', () => {
  it.each([
    ['SmolLM2-135M', SMOLLM2_CONFIGS['135m'], 134_515_008],
    ['SmolLM2-360M', SMOLLM2_CONFIGS['360m'], 361_821_120],
    ['SmolLM2-1.7B', SMOLLM2_CONFIGS['1.7b'], 1_711_376_384],
    ['Llama-3.2-1B', configFromHf(LLAMA_1B, 'config.json'), 1_235_814_400],
    ['Qwen2.5-0.5B', configFromHf(qwen(896, 24, 14, 4864), 'config.json'), 494_032_768],
    ['Qwen2.5-1.5B', configFromHf(qwen(1536, 28, 12, 8960), 'config.json'), 1_543_714_304],
  ])('%s has %2$i parameters', (_, config, expected) => {
    expect(numParameters(config)).toBe(expected);
  });

  it('bf16 weights take 269.0, 723.6 and 3422.8 MB', () => {
    const megabytes = Object.values(SMOLLM2_CONFIGS).map((config) => weightsBytes(config, 16) / 1e6);
    expect(megabytes.map((size) => size.toFixed(1))).toEqual(['269.0', '723.6', '3422.8']);
  });

  it('the cache of 8192 positions takes 188.7 MB (135M), 335.5 MB (360M), 1.61 GB (1.7B) in f16', () => {
    const sizes = Object.values(SMOLLM2_CONFIGS).map((config) => kvCacheBytes(config, 8192, 2));
    expect(sizes).toEqual([188_743_680, 335_544_320, 1_610_612_736]);
  });

  it('llama3 scaling keeps fast rotations, divides slow ones by 32 and blends between', () => {
    const plain = ropeFrequencies({ ...configFromHf(LLAMA_1B, 'config.json'), ropeScaling: undefined });
    const scaled = ropeFrequencies(configFromHf(LLAMA_1B, 'config.json'));
    const divisors = plain.map((frequency, j) => frequency / scaled[j]);
    expect(divisors[0]).toBe(1);
    expect(divisors.at(-1)).toBeCloseTo(32, 12);
    expect(divisors.some((divisor) => divisor > 1.01 && divisor < 31.9)).toBe(true);
  });
});

describe('configFromHf', () => {
  it('reads both spellings of the rotary settings', () => {
    const classic = configFromHf(goldenJson('tiny/gqa/config.json'), 'config.json');
    const modern = configFromHf(goldenJson('tiny/untied/config.json'), 'config.json');
    expect([classic.ropeTheta, modern.ropeTheta]).toEqual([10_000, 10_000]);
    expect(modern.tiedEmbeddings).toBe(false);
  });

  it.each([
    ['hidden_size', 0],
    ['hidden_size', 576.5],
    ['hidden_size', 2 ** 40],
    ['num_hidden_layers', 513],
    ['num_attention_heads', -1],
    ['num_key_value_heads', 5],
    ['rms_norm_eps', Number.NaN],
    ['rms_norm_eps', -1e-5],
    ['rope_theta', Number.POSITIVE_INFINITY],
    ['hidden_act', 'gelu'],
    ['model_type', 'mamba'],
    ['attention_bias', 'yes'],
    ['mlp_bias', 1],
    ['eos_token_id', 128256],
    ['head_dim', 63],
    ['rope_scaling', { rope_type: 'yarn' }],
  ])('refuses %s = %s and names the field', (field, value) => {
    expect(() => configFromHf({ ...LLAMA_1B, [field]: value }, 'a/config.json')).toThrow(FormatError);
    expect(() => configFromHf({ ...LLAMA_1B, [field]: value }, 'a/config.json')).toThrow(
      /^a\/config\.json, /,
    );
  });

  it('refuses what is not an object', () => {
    for (const json of [null, [], 'llama', 7])
      expect(() => configFromHf(json, 'config.json')).toThrow(FormatError);
  });
});

describe('configFromGguf', () => {
  const metadata = {
    'general.architecture': 'llama',
    'llama.block_count': 30,
    'llama.context_length': 8192,
    'llama.embedding_length': 576,
    'llama.feed_forward_length': 1536,
    'llama.attention.head_count': 9,
    'llama.attention.head_count_kv': 3,
    'llama.rope.freq_base': 100_000,
    'llama.rope.dimension_count': 64,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  };
  const facts = { metadata, vocabSize: 49152, has: () => false };

  it('gives the 135M from its metadata', () => {
    expect(configFromGguf(facts, 'a.gguf')).toEqual(SMOLLM2_CONFIGS['135m']);
  });

  it('finds llama3 scaling in the divisors, and refuses divisors of another kind', () => {
    const config = configFromHf(LLAMA_1B, 'config.json');
    const plain = ropeFrequencies({ ...config, ropeScaling: undefined });
    const ropeDivisors = [...ropeFrequencies(config)].map((frequency, j) => plain[j] / frequency);
    const llama = { ...metadata, 'llama.rope.freq_base': 500_000 };
    const read = (divisors: number[]) =>
      configFromGguf({ ...facts, metadata: llama, ropeDivisors: divisors }, 'a.gguf').ropeScaling;
    expect(read(ropeDivisors)).toEqual(config.ropeScaling);
    expect(() => read(ropeDivisors.map((d) => d * 1.01))).toThrow(/rope_freqs/);
  });

  it('refuses an end-of-text id outside the vocabulary', () => {
    const wrong = { ...facts, metadata: { ...metadata, 'tokenizer.ggml.eos_token_id': 49152 } };
    expect(() => configFromGguf(wrong, 'a.gguf')).toThrow(/tokenizer\.ggml\.eos_token_id/);
  });
});
