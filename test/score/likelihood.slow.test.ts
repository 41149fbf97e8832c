import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, type SmolLM2 } from '../../src/node/index.ts';
import { realWeights } from '../support/weights.ts';

let smol: SmolLM2;
beforeAll(async () => {
  smol = await load(realWeights());
});
afterAll(() => smol.close());

describe('SmolLM2-135M-Instruct', () => {
  it.each([
    ['The goalkeeper saved the penalty.', 'sports'],
    ['Whisk the eggs and fold in the flour.', 'cooking'],
    ['Parliament passed the budget last night.', 'politics'],
    ['She won the marathon in record time.', 'sports'],
    ['Simmer the sauce for twenty minutes.', 'cooking'],
    ['The president vetoed the bill.', 'politics'],
    ['The striker scored twice in the final.', 'sports'],
    ['Roast the garlic until golden.', 'cooking'],
    ['Voters go to the polls on Sunday.', 'politics'],
  ])('classifies %j as %s', async (text, label) => {
    expect((await smol.classify(text, ['sports', 'cooking', 'politics'])).label).toBe(label);
  });

  it('embeds two texts of one meaning nearer to each other than to a third', async () => {
    const [cat, kitten, market] = await smol.embed([
      'A cat sleeps.',
      'A kitten naps.',
      'The stock market fell.',
    ]);
    const cosine = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    expect(cosine(cat, kitten)).toBeGreaterThan(cosine(cat, market) + 0.05);
  });

  it('finds a true sentence likelier than its words in another order', async () => {
    const [right, wrong] = await smol.score(['The sky is blue.', 'Blue the is sky.']);
    expect(right.logprob).toBeGreaterThan(wrong.logprob + 5);
  });
});
