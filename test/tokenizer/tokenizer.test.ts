import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenJson } from '../support/goldens.ts';
import { decodeCases, ggufSource, jsonSource, textCases, tokenizerJson } from '../support/tokenizers.ts';

const spellings = {
  ...tokenizerJson,
  model: {
    ...tokenizerJson.model,
    merges: tokenizerJson.model.merges.map((pair: string[]) => pair.join(' ')),
  },
};
delete spellings.model.ignore_merges;

describe.each([
  ['tokenizer.json, merges as pairs', jsonSource],
  ['tokenizer.json, merges as texts and without ignore_merges', { ...jsonSource, tokenizer: spellings }],
  ['GGUF metadata', ggufSource],
])('Tokenizer of SmolLM2 from %s', (_, source) => {
  const tokenizer = Tokenizer.from(source);

  it('gives the ids of HF tokenizers on 437 texts', () => {
    expect(textCases.length).toBe(437);
    for (const { text, ids } of textCases) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  it('decodes those and 60 sequences of arbitrary ids as HF tokenizers does, with and without special tokens', () => {
    expect(decodeCases.length).toBe(60);
    for (const { ids, decoded, decoded_skip_special } of [...textCases, ...decodeCases]) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(decoded_skip_special);
    }
  });

  it('gives the ids of 80 rendered conversations', () => {
    const { cases } = goldenJson('chat/conversations.json');
    expect(cases.length).toBe(80);
    for (const { text, ids } of cases) expect(tokenizer.encode(text)).toEqual(ids);
  });

  it('knows its 49152 tokens by text and back', { tags: ['slow'] }, () => {
    expect(tokenizer.vocabSize).toBe(49152);
    for (const [text, id] of Object.entries<number>(tokenizerJson.model.vocab)) {
      if (tokenizer.idOf(text) !== id || tokenizer.tokenText(id) !== text) expect.fail(`${id}: ${text}`);
    }
    expect(tokenizer.idOf('no such token')).toBeUndefined();
    expect(tokenizer.idOf('')).toBeUndefined();
    expect(tokenizer.tokenText(253)).toBe('Ġa');
    expect([...tokenizer.tokenBytes(253)]).toEqual([0x20, 0x61]);
  });

  it('has ids 0 to 16 as special, 1 as bos and 2 as eos', () => {
    const special = Array.from({ length: 49152 }, (_, id) => id).filter((id) => tokenizer.isSpecial(id));
    expect(special).toEqual(Array.from({ length: 17 }, (_, id) => id));
    expect(tokenizer.bosId).toBe(1);
    expect(tokenizer.eosIds).toEqual([2]);
  });
});

describe('the tables of a Tokenizer', () => {
  /** Bytes of all typed arrays that can be reached from a value. */
  function tableBytes(value: unknown, seen = new Set<unknown>()): number {
    if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
    seen.add(value);
    if (ArrayBuffer.isView(value)) return tableBytes(value.buffer, seen);
    if (value instanceof ArrayBuffer) return value.byteLength;
    return Object.values(value).reduce((sum: number, member) => sum + tableBytes(member, seen), 0);
  }

  it('take 2.25 MB for SmolLM2, and are not strings', () => {
    const bytes = tableBytes(Tokenizer.from(ggufSource));
    expect(bytes / 1e6).toBeCloseTo(2.25, 1);
  });
});

describe('encode', () => {
  const tokenizer = Tokenizer.from(jsonSource);

  it('reads special tokens as plain text when special is false', () => {
    const ids = tokenizer.encode('a<|im_end|>b', { special: false });
    expect(ids.some((id) => tokenizer.isSpecial(id))).toBe(false);
    expect(tokenizer.decode(ids)).toBe('a<|im_end|>b');
    expect(tokenizer.encode('a<|im_end|>b')).toEqual([81, 2, 82]);
  });

  it('begins with bos only when asked to', () => {
    expect(tokenizer.encode('a')).toEqual([81]);
    expect(tokenizer.encode('a', { addBos: true })).toEqual([1, 81]);
    expect(tokenizer.encode('')).toEqual([]);
  });

  it('refuses addBos without a bos token, and what is not a text', { tags: ['slow'] }, () => {
    const without = Tokenizer.from({ ...jsonSource, tokenizerConfig: undefined });
    expect(() => without.encode('a', { addBos: true })).toThrow(RangeError);
    expect(() => tokenizer.encode(undefined as never)).toThrow(TypeError);
  });

  it('reads a lone surrogate as U+FFFD, at every place in a text', () => {
    for (const lone of ['\ud83d', '\ude00', '\ud83d\ud83d', '\ude00\ud83d']) {
      for (const [before, after] of [
        ['', ''],
        ['a', 'b'],
        [' ', ' '],
        ['1', '2'],
        ["'", 's'],
        ['<|im_end|>', '😀'],
      ]) {
        const text = before + lone + after;
        expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(
          tokenizer.encode(before + '\ufffd'.repeat(lone.length) + after),
        );
      }
    }
  });

  it('drops the 21 bytes without a token before it merges: "_\\x04_" is the one token "__"', () => {
    expect(tokenizer.encode('_\x04_')).toEqual([tokenizer.idOf('__')]);
    expect(tokenizer.encode('\x04\x06')).toEqual([]);
  });
});

describe('decode', () => {
  const tokenizer = Tokenizer.from(jsonSource);

  it('keeps a byte-order mark at the beginning', () => {
    expect(tokenizer.decode(tokenizer.encode('\ufeffa'))).toBe('\ufeffa');
  });

  it.each([-1, 49152, 1.5, Number.NaN, '3'])('refuses the id %s', (id) => {
    for (const use of [
      () => tokenizer.decode([id as number]),
      () => tokenizer.decoder().push(id as number),
      () => tokenizer.tokenBytes(id as number),
      () => tokenizer.tokenText(id as number),
      () => tokenizer.isSpecial(id as number),
    ]) {
      expect(use).toThrow(RangeError);
    }
  });

  it('hands out copies of bytes: writing to them changes nothing', () => {
    tokenizer.tokenBytes(81).fill(0);
    expect(tokenizer.decode([81])).toBe('a');
  });
});
