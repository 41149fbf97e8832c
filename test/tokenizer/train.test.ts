import { readFileSync } from 'node:fs';
import { Tokenizer as OtherTokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { trainBpe, WordCounts } from '../../src/tokenizer/train.ts';
import { tokenizerConfig, tokenizerJson } from '../../src/tokenizer/write-json.ts';

interface Case {
  readonly text?: string;
  readonly file?: string;
  readonly specials: readonly string[];
  readonly vocab_size: number;
  readonly min_frequency: number;
  readonly tokens: number;
  readonly last: readonly string[];
  readonly merges: readonly string[];
}

const root = new URL('../../', import.meta.url);
const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('test/golden/tokenizer/bpe-training.json', root), 'utf8'),
);

function trained(text: string, vocabSize: number, minFrequency = 0, specialTokens: readonly string[] = []) {
  const words = new WordCounts();
  words.add(text);
  return trainBpe(words, { vocabSize, minFrequency, specialTokens });
}

describe("training is that of HuggingFace's BpeTrainer, tie for tie", () => {
  it.each(cases.map((entry, i) => [i, entry.specials.join(','), entry] as const))(
    'case %i, specials %s',
    (_, __, c) => {
      const text = c.text ?? readFileSync(new URL(c.file!, root), 'utf8');
      const { tokens, merges } = trained(text, c.vocab_size, c.min_frequency, c.specials);
      expect(merges.map((pair) => pair.join(' '))).toEqual(c.merges);
      expect(tokens).toHaveLength(c.tokens);
      expect(tokens.slice(-3)).toEqual(c.last);
    },
  );

  it('a merge whose text is already a token takes its id', () => {
    const { tokens, merges } = trained('aabb aabb aabb', 400, 0, ['aa']);
    expect(merges[0]).toEqual(['a', 'a']);
    expect(tokens.filter((text) => text === 'aa')).toHaveLength(1);
    expect(tokens.indexOf('aa')).toBe(0);
  });
});

describe('the tokenizer.json of a trained vocabulary', () => {
  const text = readFileSync(new URL('LICENSE', root), 'utf8');
  const specials = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
  const json = tokenizerJson(trained(text, 600, 2, specials)) as Record<string, unknown>;
  const config = tokenizerConfig('<|endoftext|>', 2048) as Record<string, unknown>;
  const ours = Tokenizer.from({
    kind: 'json',
    tokenizer: json,
    tokenizerConfig: config,
    file: 'tokenizer.json',
  });
  const probes = ['You may reproduce, in 2004', ' naïve 漢字 \n\n x', '<|im_start|>user\n!<|im_end|>'];

  it('is read here and gives every text back', () => {
    expect(ours.vocabSize).toBe(600);
    for (const probe of probes) expect(ours.decode(ours.encode(probe))).toBe(probe);
    expect(ours.encode('<|im_start|>')).toEqual([1]);
  });

  it('gives @huggingface/tokenizers the same ids', () => {
    const other = new OtherTokenizer(json, config);
    for (const probe of probes) {
      expect(ours.encode(probe)).toEqual(other.encode(probe, { add_special_tokens: false }).ids);
    }
  });
});

describe('what training refuses', () => {
  it.each([
    [257, ['<a>', '<b>'], 'vocabSize: expected 258 (2 specials and the bytes) to'],
    [Number.NaN, [], 'vocabSize: expected 256'],
    [300, ['x', 'x'], 'specialTokens: expected different texts, got x, x'],
  ])('vocabulary of %d with specials %j', (size, specials, message) => {
    expect(() => trained('a', size, 0, specials)).toThrow(message);
  });

  it('but a special that is a byte takes no room twice', () => {
    expect(trained('a', 256, 0, ['a', 'b']).tokens).toHaveLength(256);
  });
});
