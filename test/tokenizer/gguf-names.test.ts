import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { ggufSource } from './../support/tokenizers.ts';

const text = "It's 1234 o'clock,\n  naïve  words";

describe('a GGUF tokenizer', () => {
  it.each([
    ['starcoder', 'smollm'],
    ['refact', 'smollm'],
    ['command-r', 'smollm'],
    ['falcon3', 'llama-bpe'],
    ['deepseek-r1-qwen', 'qwen2'],
  ])('cuts words for %s as for %s', { tags: ['slow'] }, (pre, known) => {
    const encode = (name: string) => Tokenizer.from({ ...ggufSource, pre: name }).encode(text);
    expect(encode(pre)).toEqual(encode(known));
  });

  it('knows the control tokens that end an answer, whatever the file names as its end', () => {
    const tokenizer = Tokenizer.from({ ...ggufSource, eosIds: [0] });
    expect(tokenizer.eosIds).toEqual([0]);
    expect(tokenizer.endIds).toContain(tokenizer.idOf('<|im_end|>'));
    expect(tokenizer.endIds).not.toContain(tokenizer.idOf('<|im_start|>'));
  });
});
