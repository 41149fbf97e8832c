import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { decodeCases, jsonSource, randomBelow, textCases } from '../support/tokenizers.ts';

const tokenizer = Tokenizer.from(jsonSource);

describe('StreamDecoder', () => {
  it('gives in pieces what decode gives at once, for all golden ids and either treatment of special tokens', () => {
    for (const skipSpecial of [false, true]) {
      for (const { ids } of [...textCases, ...decodeCases]) {
        const decoder = tokenizer.decoder({ skipSpecial });
        const text = ids.map((id) => decoder.push(id)).join('') + decoder.end();
        expect(text).toBe(tokenizer.decode(ids, { skipSpecial }));
      }
    }
  });

  it('never shows half a character: each prefix of the stream is a prefix of the text', () => {
    for (const { ids, decoded } of textCases) {
      const decoder = tokenizer.decoder();
      let shown = '';
      for (const id of ids) {
        shown += decoder.push(id);
        if (!decoded.startsWith(shown)) expect.fail(`${JSON.stringify(shown)} of ${JSON.stringify(decoded)}`);
        expect(/[\ud800-\udbff]$/.test(shown)).toBe(false);
      }
    }
  });

  it('agrees with TextDecoder over the joined bytes on 2000 random sequences of single bytes', () => {
    const below = randomBelow(7);
    const byteIds = Array.from({ length: 236 }, (_, i) => 17 + i);
    for (let run = 0; run < 2000; run++) {
      const ids = Array.from({ length: 1 + below(12) }, () => byteIds[below(byteIds.length)]);
      const bytes = Uint8Array.from(ids.flatMap((id) => [...tokenizer.tokenBytes(id)]));
      const decoder = tokenizer.decoder();
      const text = ids.map((id) => decoder.push(id)).join('') + decoder.end();
      expect(text).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    }
  });

  it('shows an emoji of four bytes when its last token comes, and can be used again after end', () => {
    const ids = tokenizer.encode('😀');
    expect(ids.length).toBeGreaterThan(1);
    const decoder = tokenizer.decoder();
    expect(ids.map((id) => decoder.push(id))).toEqual([...ids.slice(1).map(() => ''), '😀']);
    decoder.push(ids[0]);
    expect(decoder.end()).toBe('\ufffd');
    expect(decoder.push(81)).toBe('a');
  });
});
