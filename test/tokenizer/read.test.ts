import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/base/errors.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { stringTable } from '../support/tokenizers.ts';

/** A tokenizer.json of four letters and two merges, of the shape of SmolLM2's; `change` edits it. */
function json(change: (root: Record<string, never> & typeof base) => void = () => {}) {
  const root = structuredClone(base);
  change(root as never);
  return { kind: 'json', tokenizer: root, file: 'tokenizer.json' } as const;
}

const base = {
  added_tokens: [
    {
      id: 0,
      content: '<|end|>',
      special: true,
      normalized: false,
      lstrip: false,
      rstrip: false,
      single_word: false,
    },
    {
      id: 7,
      content: '<tool>',
      special: false,
      normalized: true,
      lstrip: false,
      rstrip: false,
      single_word: false,
    },
  ] as Record<string, unknown>[],
  normalizer: null as unknown,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ] as Record<string, unknown>[],
  },
  post_processor: null as unknown,
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    dropout: null as unknown,
    unk_token: null as unknown,
    continuing_subword_prefix: null as unknown,
    end_of_word_suffix: null as unknown,
    byte_fallback: false,
    ignore_merges: false,
    vocab: { '<|end|>': 0, a: 1, b: 2, Ġ: 3, ab: 4, Ġa: 5, Ġab: 6 } as Record<string, unknown>,
    merges: ['a b', 'Ġ ab', 'Ġ a'] as unknown,
  },
};

const bosTemplate = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<|end|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  special_tokens: { '<|end|>': { id: '<|end|>', ids: [0], tokens: ['<|end|>'] } },
};

describe('Tokenizer.from a tokenizer.json', () => {
  it('reads a file of seven tokens, two of them added', () => {
    const tokenizer = Tokenizer.from(json());
    expect(tokenizer.vocabSize).toBe(8);
    expect(tokenizer.encode('ab ab<tool>a<|end|>')).toEqual([4, 6, 7, 1, 0]);
    expect([tokenizer.isSpecial(0), tokenizer.isSpecial(7)]).toEqual([true, false]);
    expect(tokenizer.decode([4, 7, 0], { skipSpecial: true })).toBe('ab<tool>');
    expect(tokenizer.encode('<tool><|end|>', { special: false })[0]).toBe(7);
  });

  it('puts the token of a TemplateProcessing before the text, by itself or in a Sequence', () => {
    for (const post of [
      bosTemplate,
      { type: 'Sequence', processors: [{ type: 'ByteLevel' }, bosTemplate] },
    ]) {
      const tokenizer = Tokenizer.from(json((root) => (root.post_processor = post)));
      expect(tokenizer.bosId).toBe(0);
      expect(tokenizer.encode('ab')).toEqual([0, 4]);
      expect(tokenizer.encode('ab', { addBos: false })).toEqual([4]);
    }
  });

  it('reads bos and eos of tokenizer_config.json as texts or as objects', () => {
    const tokenizerConfig = { bos_token: { content: '<|end|>' }, eos_token: '<tool>' };
    const tokenizer = Tokenizer.from({ ...json(), tokenizerConfig });
    expect([tokenizer.bosId, tokenizer.eosIds]).toEqual([0, [7]]);
  });

  it('leaves ids without a token empty', () => {
    const tokenizer = Tokenizer.from(json((root) => (root.model.vocab.b = 9)));
    expect(tokenizer.vocabSize).toBe(10);
    expect(tokenizer.decode([1, 2, 8, 9])).toBe('ab');
    expect(tokenizer.idOf('')).toBeUndefined();
  });

  const refusals: [string, RegExp, Parameters<typeof json>[0]][] = [
    ['another model', /model\.type/, (root) => (root.model.type = 'Unigram')],
    ['dropout', /dropout/, (root) => (root.model.dropout = 0.1)],
    ['byte fallback', /byte_fallback/, (root) => (root.model.byte_fallback = true)],
    ['a suffix', /end_of_word_suffix/, (root) => (root.model.end_of_word_suffix = '</w>')],
    ['an unknown token where bytes are missing', /unk_token/, (root) => (root.model.unk_token = '<|end|>')],
    ['no vocabulary', /model\.vocab/, (root) => (root.model.vocab = [] as never)],
    ['a negative id', /model\.vocab/, (root) => (root.model.vocab.a = -1)],
    ['an id of 2^40', /model\.vocab/, (root) => (root.model.vocab.a = 2 ** 40)],
    ['an id that is a text', /model\.vocab/, (root) => (root.model.vocab.a = '1')],
    ['two tokens with one id', /model\.vocab/, (root) => (root.model.vocab.a = 2)],
    ['a merge of three', /merge 0/, (root) => (root.model.merges = ['a b c'])],
    ['a merge without a space', /merge 0/, (root) => (root.model.merges = ['ab'])],
    ['a merge of an unknown token', /merge 1/, (root) => (root.model.merges = ['a b', 'a c'])],
    ['a merge that makes no token', /merge 0/, (root) => (root.model.merges = ['b a'])],
    ['a merge twice', /merge 1/, (root) => (root.model.merges = ['a b', 'a b'])],
    ['a merge that is a number', /merges\[0\]/, (root) => (root.model.merges = [3])],
    ['an added token that strips', /lstrip/, (root) => (root.added_tokens[0].lstrip = true)],
    ['an added token without a text', /added/, (root) => (root.added_tokens[0].content = '')],
    ['an added token that is a lone surrogate', /added/, (root) => (root.added_tokens[1].content = '\ud800')],
    ['an added token of 300 letters', /added/, (root) => (root.added_tokens[1].content = 'x'.repeat(300))],
    ['an added token at the id of another', /added/, (root) => (root.added_tokens[1].id = 2)],
    ['an added token twice', /added/, (root) => root.added_tokens.push({ ...root.added_tokens[1], id: 8 })],
    ['an unknown normalizer', /normalizer/, (root) => (root.normalizer = { type: 'Lowercase' })],
    ['an unknown decoder', /decoder/, (root) => (root.decoder.type = 'WordPiece')],
    [
      'a prefix space',
      /pre_tokenizer/,
      (root) => (root.pre_tokenizer.pretokenizers[1].add_prefix_space = true),
    ],
    [
      'an unknown pre-tokenizer',
      /smollm, llama-bpe, qwen2/,
      (root) => root.pre_tokenizer.pretokenizers.shift(),
    ],
    [
      'a pattern that is not known',
      /smollm, llama-bpe, qwen2/,
      (root) =>
        (root.pre_tokenizer.pretokenizers = [
          { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
        ]),
    ],
    [
      'processors inside processors',
      /post_processor/,
      (root) =>
        (root.post_processor = { type: 'Sequence', processors: [{ type: 'Sequence', processors: [] }] }),
    ],
    [
      'two tokens before the text',
      /one token before the text/,
      (root) => (root.post_processor = { type: 'Sequence', processors: [bosTemplate, bosTemplate] }),
    ],
    [
      'a token after the text',
      /post_processor/,
      (root) => (root.post_processor = { ...bosTemplate, single: [...bosTemplate.single].reverse() }),
    ],
  ];
  it.each(refusals)('refuses %s with a FormatError', (_, message, change) => {
    expect(() => Tokenizer.from(json(change))).toThrow(FormatError);
    expect(() => Tokenizer.from(json(change))).toThrow(message);
  });

  it.each([null, undefined, 3, 'x', [], {}, { model: {} }])('refuses %j with a FormatError', (tokenizer) => {
    expect(() => Tokenizer.from({ kind: 'json', tokenizer, file: 'x' })).toThrow(FormatError);
  });

  it('refuses a bos token that is not in the vocabulary', () => {
    expect(() => Tokenizer.from({ ...json(), tokenizerConfig: { bos_token: '<s>' } })).toThrow(/bos_token/);
  });

  it('reads tokens named __proto__ and constructor as any other', () => {
    const root = JSON.parse(JSON.stringify(base).replace('"Ġa":5', '"__proto__":5,"constructor":8'));
    root.model.merges = ['a b'];
    const tokenizer = Tokenizer.from({ kind: 'json', tokenizer: root, file: 'x' });
    expect([tokenizer.idOf('__proto__'), tokenizer.idOf('constructor')]).toEqual([5, 8]);
    expect(tokenizer.idOf('toString')).toBeUndefined();
  });
});

describe('Tokenizer.from GGUF metadata', () => {
  const texts = ['<|end|>', 'a', 'b', 'Ġ', 'ab', '<tool>'];
  const gguf = {
    kind: 'gguf',
    tokens: stringTable(texts),
    merges: stringTable(['a b']),
    tokenTypes: Int32Array.of(3, 1, 1, 1, 1, 4),
    pre: 'smollm',
    bosId: 0,
    eosIds: [0],
    addBos: false,
    addSpacePrefix: false,
    file: 'model.gguf',
  } as const;

  it('reads control tokens as special and user-defined ones as added', () => {
    const tokenizer = Tokenizer.from(gguf);
    expect(tokenizer.encode('ab<tool><|end|>', { special: false }).slice(0, 2)).toEqual([4, 5]);
    expect(tokenizer.encode('ab<tool><|end|>')).toEqual([4, 5, 0]);
    expect([tokenizer.isSpecial(0), tokenizer.isSpecial(5)]).toEqual([true, false]);
  });

  it('takes llama3 and llama-v3 for llama-bpe', () => {
    for (const pre of ['llama-bpe', 'llama3', 'llama-v3']) {
      expect(Tokenizer.from({ ...gguf, pre, addBos: true }).encode('ab')).toEqual([0, 4]);
    }
  });

  const refusals: [string, RegExp, object][] = [
    ['an unknown pre-tokenizer', /smollm, llama-bpe, qwen2/, { pre: 'gpt-2' }],
    ['the pre-tokenizer "constructor"', /pre/, { pre: 'constructor' }],
    ['fewer types than tokens', /token_type/, { tokenTypes: Int32Array.of(3, 1) }],
    ['a byte token', /token_type/, { tokenTypes: Int32Array.of(3, 1, 1, 1, 1, 6) }],
    ['a type of 99', /token_type/, { tokenTypes: Int32Array.of(3, 1, 1, 1, 1, 99) }],
    ['a space before the text', /add_space_prefix/, { addSpacePrefix: true }],
    [
      'two tokens with one text',
      /vocabulary/,
      { tokens: stringTable(['<|end|>', 'a', 'b', 'a', 'ab', '<tool>']) },
    ],
    ['a bos id that is no token', /bos/, { bosId: 6 }],
    ['an eos id that is no token', /eos/, { eosIds: [0, 6] }],
  ];
  it.each(refusals)('refuses %s with a FormatError', (_, message, change) => {
    expect(() => Tokenizer.from({ ...gguf, ...change })).toThrow(FormatError);
    expect(() => Tokenizer.from({ ...gguf, ...change })).toThrow(message);
  });

  it('refuses 3000 tokens made to have one hash instead of comparing them all', { tags: ['slow'] }, () => {
    // Texts whose hash ends alike: found by trying, for a table of 8192 slots.
    const hash = (text: string) => {
      let value = 0x811c9dc5;
      for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
      return (value ^ (value >>> 15)) & 8191;
    };
    const alike: string[] = [];
    for (let n = 0; alike.length < 1200; n++) {
      const text = n.toString(36);
      if (hash(text) < 4) alike.push(text);
    }
    const rest = Array.from({ length: 1800 }, (_, n) => `!${n}`);
    const tokens = stringTable([...alike, ...rest]);
    const change = { tokens, merges: stringTable([]), tokenTypes: new Int32Array(3000).fill(1) };
    expect(() => Tokenizer.from({ ...gguf, ...change })).toThrow(/hash/);
  });
});
