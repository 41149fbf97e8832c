import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isGroupStage, isRemoval } from '../../src/data/stage.ts';
import { tokenCount } from '../../src/data/token-count.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenPath } from '../support/goldens.ts';

const file = goldenPath('tokenizer/tokenizer.json');
const resources = { readBytes: async () => readFileSync(file) };

describe('token-count', () => {
  it('counts the ids of a text, with special tokens as the text that they are', {
    tags: ['slow'],
  }, async () => {
    const stage = await tokenCount.create({ tokenizer: file }, resources);
    if (isGroupStage(stage)) throw new Error('expected a stage of one document');
    const tokenizer = Tokenizer.from({
      kind: 'json',
      tokenizer: JSON.parse(readFileSync(file, 'utf8')),
      file,
    });
    const count = (text: string) => {
      const outcome = stage.apply({ id: 'a', text, metadata: { url: 'x' } });
      if (isRemoval(outcome)) throw new Error(outcome.removed);
      expect(outcome.metadata.url).toBe('x');
      return outcome.metadata.token_count;
    };
    expect(count('')).toBe(0);
    const text = 'A lake lay behind the hill.';
    expect(count(text)).toBe(tokenizer.encode(text, { addBos: false }).length);
    expect(count('<|im_end|>')).toBeGreaterThan(1);
  });

  it('says what is wrong with a tokenizer', async () => {
    await expect(tokenCount.create({ tokenizer: null }, resources)).rejects.toThrow(/token-count\.tokenizer/);
    const broken = { readBytes: async () => new TextEncoder().encode('{') };
    await expect(tokenCount.create({ tokenizer: 'x.json' }, broken)).rejects.toThrow(/expected JSON/);
  });
});
