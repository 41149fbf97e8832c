import { describe, expect, it } from 'vitest';
import { generate } from '../../src/generate/generate.ts';
import { guessNext } from '../../src/generate/lookup.ts';
import { FAKE_VOCAB, FakeModel, fakeTokenizer, type Rule } from '../support/fake-model.ts';

/** Goes round a circle of ids, but jumps where the text so far says so: guesses are right often and wrong at times. */
const circling: Rule = (ids) => {
  const logits = new Float64Array(FAKE_VOCAB);
  const next = 10 + ((ids[ids.length - 1] + (ids.length % 11 === 0 ? 3 : 1)) % 7);
  logits[next] = 5;
  logits[10 + ((next + 1) % 7)] = 4;
  return logits;
};

async function answer(options: {
  lookup?: number;
  temperature: number;
  stop?: string[];
  maxTokens?: number;
}) {
  const model = new FakeModel(circling);
  const tokens = generate(model, fakeTokenizer, [10, 11, 12, 13], { maxTokens: 50, seed: 7, ...options });
  for (;;) {
    const { done, value } = await tokens.next();
    if (done) return { result: value, numPasses: model.passes.length };
  }
}

describe('guessNext', () => {
  it('gives what followed the newest ids the last time', () => {
    expect(guessNext([1, 2, 3, 4, 9, 1, 2, 3, 7, 8, 5, 1, 2, 3], 3)).toEqual([7, 8, 5]);
  });

  it('prefers a longer match further back to a shorter one nearby', () => {
    expect(guessNext([6, 1, 2, 5, 5, 9, 1, 2, 8, 8, 6, 1, 2], 1)).toEqual([5]);
  });

  it('guesses nothing from one id, from no repetition, or when no guess is allowed', () => {
    expect(guessNext([1], 3)).toEqual([]);
    expect(guessNext([1, 2, 1, 3], 3)).toEqual([]);
    expect(guessNext([1, 2, 3, 1, 2], 0)).toEqual([]);
  });
});

describe('generate with lookup', () => {
  it.each([0, 0.8])('gives the same ids in fewer passes at temperature %d', async (temperature) => {
    const plain = await answer({ temperature });
    for (const lookup of [1, 2, 5, 8]) {
      const guessed = await answer({ temperature, lookup });
      expect(guessed.result.ids).toEqual(plain.result.ids);
      expect(guessed.result.finishReason).toBe(plain.result.finishReason);
      expect(guessed.numPasses).toBeLessThan(plain.numPasses);
    }
  });

  it('stops at the same place for every length of the answer', async () => {
    for (let maxTokens = 1; maxTokens <= 30; maxTokens++) {
      const plain = await answer({ temperature: 0, maxTokens });
      const guessed = await answer({ temperature: 0, maxTokens, lookup: 6 });
      expect(guessed.result.ids).toEqual(plain.result.ids);
    }
  });

  it('leaves a timeline that holds only ids of the answer', { tags: ['slow'] }, async () => {
    for (let maxTokens = 1; maxTokens <= 30; maxTokens++) {
      const model = new FakeModel(circling);
      const timeline = { cache: model.newCache(), ids: [] as readonly number[] };
      const first = generate(model, fakeTokenizer, [10, 11, 12, 13], {
        temperature: 0,
        maxTokens,
        lookup: 6,
        timeline,
      });
      for await (const _ of first);
      const again = generate(model, fakeTokenizer, [...timeline.ids, 14], {
        temperature: 0,
        maxTokens: 8,
        timeline,
      });
      const fresh = generate(model, fakeTokenizer, [...timeline.ids, 14], { temperature: 0, maxTokens: 8 });
      const ids = async (tokens: typeof again) => {
        const seen: number[] = [];
        for await (const token of tokens) seen.push(token.id);
        return seen;
      };
      expect(await ids(again)).toEqual(await ids(fresh));
    }
  });
});
