import { describe, expect, it } from 'vitest';
import { encodePair, ModelScorer } from '../../src/eval/model-scorer.ts';
import { FAKE_VOCAB, FakeModel, fakeTokenizer, hashing } from '../support/fake-model.ts';

/** Σ ln p of `continuation` by the rule of the fake model, written out: one softmax a position. */
function trueSum(context: string, continuation: string): number {
  const ids = fakeTokenizer.encode(context + continuation);
  let sum = 0;
  for (let at = context.length; at < ids.length; at++) {
    const logits = hashing(ids.slice(0, at));
    const total = logits.reduce((all, x) => all + Math.exp(x), 0);
    sum += logits[ids[at]] - Math.log(total);
  }
  return sum;
}

const requestsOf = (context: string, ...continuations: string[]) =>
  continuations.map((continuation) => ({ context, continuation }));

describe('ModelScorer', () => {
  it('gives sums within 1e-8 of a softmax a position, whatever the choices share', async () => {
    const scorer = new ModelScorer(new FakeModel(hashing), fakeTokenizer);
    const questions = [
      requestsOf('Who?', ' Ann', ' Anna', ' Beth'),
      requestsOf('Who?', ' A', ' B'),
      requestsOf('Whom? ', 'Ann', 'Beth'),
      [...requestsOf('Ann came', ' late'), ...requestsOf('Beth came', ' late')],
      requestsOf('Who?', ' one', ' one', ' one two'),
    ];
    for (const requests of questions) {
      const sums = (await scorer.loglikelihoods(requests)).map(({ sum }) => sum);
      for (const [i, { context, continuation }] of requests.entries()) {
        const blank = context.endsWith(' ') ? ' ' : '';
        expect(sums[i]).toBeCloseTo(trueSum(context.trimEnd(), blank + continuation), 8);
      }
    }
  });

  it('computes a shared context once, and no row for the last token of a choice', async () => {
    const model = new FakeModel(hashing);
    await new ModelScorer(model, fakeTokenizer).loglikelihoods(requestsOf('What is it?', ' ab', ' cde'));
    expect(model.passes.map((ids) => String.fromCharCode(...ids))).toEqual(['What is it?', ' a', ' cd']);
  });

  it('computes one row for single letters, and nothing again that is in the cache', async () => {
    const model = new FakeModel(hashing);
    const scorer = new ModelScorer(model, fakeTokenizer);
    await scorer.loglikelihoods(requestsOf('Head. One? Answer:', 'A', 'B', 'C'));
    expect(model.passes).toHaveLength(1);
    await scorer.loglikelihoods(requestsOf('Head. Two? Answer:', 'A', 'B', 'C'));
    expect(String.fromCharCode(...model.passes[1])).toBe('Two? Answer:');
  });

  it('knows whether greedy decoding would say the continuation', async () => {
    const winners = new FakeModel((ids) => {
      const logits = new Float64Array(FAKE_VOCAB);
      logits['abcd'.charCodeAt(ids.length % 4)] = 9;
      return logits;
    });
    const scorer = new ModelScorer(winners, fakeTokenizer);
    const results = await scorer.loglikelihoods(requestsOf('abc', 'dab', 'dac'));
    expect(results.map(({ isGreedy }) => isGreedy)).toEqual([true, false]);
  });

  it('sums a text in windows of the model: each id once, the first after the end-of-text id', async () => {
    const model = new FakeModel(hashing);
    const scorer = new ModelScorer(model, fakeTokenizer);
    const text = 'x'.repeat(50) + 'y'.repeat(50);
    const ids = fakeTokenizer.encode(text);
    let expected = 0;
    for (const [at, id] of ids.entries()) {
      // The second window is the last 64 ids; of those it predicts the 36 that the first one did not.
      const seen = at < 64 ? [0, ...ids.slice(0, at)] : ids.slice(100 - 64 - 1, at);
      const logits = hashing(seen);
      expected += logits[id] - Math.log(logits.reduce((all, x) => all + Math.exp(x), 0));
    }
    expect(await scorer.textLoglikelihood(text)).toBeCloseTo(expected, 7);
  });

  it('writes up to a stop text, which is left out', async () => {
    const model = new FakeModel((ids) => {
      const logits = new Float64Array(FAKE_VOCAB);
      logits['seven.\nQuestion'.charCodeAt(ids.length - 4) || 1] = 9;
      return logits;
    });
    const scorer = new ModelScorer(model, fakeTokenizer);
    expect(await scorer.write('How?', { stop: ['Quest'], maxNewTokens: 30 })).toBe('seven.\n');
    expect(await scorer.write('How?', { stop: [], maxNewTokens: 3 })).toBe('sev');
  });
});

describe('encodePair', () => {
  it('moves blanks of the context, and counts its last token where the continuation adds none', () => {
    const merging = { ...fakeTokenizer, encode: (text: string) => (text === 'ab' ? [1] : [text.length]) };
    expect(encodePair(merging, { context: 'ab', continuation: '' }, 9)).toEqual({ ids: [0, 1], split: 1 });
    expect(encodePair(fakeTokenizer, { context: 'a  ', continuation: 'b' }, 9)).toEqual({
      ids: [97, 32, 32, 98],
      split: 1,
    });
  });

  it('puts the end-of-text id in front of an empty context', () => {
    expect(encodePair(fakeTokenizer, { context: '', continuation: 'b' }, 9)).toEqual({
      ids: [0, 98],
      split: 1,
    });
  });

  it('cuts from the left what does not fit: 3 positions hold 4 ids, as the last is never an input', () => {
    const request = { context: 'abcdef', continuation: 'gh' };
    expect(encodePair(fakeTokenizer, request, 3)).toEqual({ ids: [...'efgh'].map(code), split: 2 });
  });
});

const code = (character: string) => character.charCodeAt(0);
