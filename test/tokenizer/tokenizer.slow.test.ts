import { beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { goldenJson } from '../support/goldens.ts';
import { decodeCases, jsonSource, textCases } from '../support/tokenizers.ts';
import { realCheckpoint } from '../support/weights.ts';

describe('Tokenizer of the real GGUF file', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const checkpoint = await realCheckpoint();
    tokenizer = Tokenizer.from(checkpoint.tokenizer!);
    await checkpoint.close();
  });

  it('gives the ids of HF tokenizers on 437 texts and 80 conversations', () => {
    const cases = [...textCases, ...goldenJson('chat/conversations.json').cases];
    expect(cases.length).toBe(517);
    for (const { text, ids } of cases) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  it('decodes 497 sequences of ids as HF tokenizers does', () => {
    for (const { ids, decoded, decoded_skip_special } of [...textCases, ...decodeCases]) {
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(decoded_skip_special);
    }
  });

  it('has the 49152 tokens of tokenizer.json, the same ones special', () => {
    const hf = Tokenizer.from(jsonSource);
    expect(tokenizer.vocabSize).toBe(hf.vocabSize);
    for (let id = 0; id < hf.vocabSize; id++) {
      const isSame =
        tokenizer.tokenText(id) === hf.tokenText(id) && tokenizer.isSpecial(id) === hf.isSpecial(id);
      if (!isSame) expect.fail(`${id}: ${tokenizer.tokenText(id)} and ${hf.tokenText(id)}`);
    }
  });
});
