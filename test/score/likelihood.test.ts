import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { load, type SmolLM2 } from '../../src/node/index.ts';
import { makeTinyFolder } from '../support/tiny-folder.ts';

let folder: string;
let smol: SmolLM2;
beforeAll(async () => {
  folder = makeTinyFolder();
  smol = await load(folder, { engine: 'reference' });
});
afterAll(async () => {
  await smol.close();
  rmSync(folder, { recursive: true });
});

/** ln softmax of a row, by the definition. */
function logSoftmax(row: Float64Array | Float32Array): number[] {
  const total = Math.log(Array.from(row, Math.exp).reduce((sum, value) => sum + value, 0));
  return Array.from(row, (logit) => logit - total);
}

/** ln p of every id but the first, from one pass per prefix. */
async function bruteForce(ids: readonly number[]): Promise<number[]> {
  const logprobs: number[] = [];
  for (let t = 1; t < ids.length; t++) {
    const cache = smol.model.newCache(t);
    logprobs.push(logSoftmax(await smol.model.forward(ids.slice(0, t), cache))[ids[t]]);
    smol.model.freeCache(cache);
  }
  return logprobs;
}

it('takes lists of texts only: one text is not its letters', async () => {
  const one = 'abc' as never;
  for (const call of [() => smol.score(one), () => smol.embed(one), () => smol.embed([1] as never)]) {
    await expect(call()).rejects.toThrow(/^texts: expected an array of texts, got/);
  }
  await expect(smol.choose('a', one)).rejects.toThrow(/^labels: expected an array of texts, got "abc"$/);
  for (const source of [{}, 5, null, undefined, [], () => 1, new Map()]) {
    await expect(load(source as never)).rejects.toThrow(
      /^model: expected a URL, bytes, a Blob or an open file/,
    );
  }
});

describe('score', () => {
  it('equals one pass per prefix within 1e-9 on 100 tokens, which are more than a piece of 64', {
    tags: ['slow'],
  }, async () => {
    const text = 'Ships at sea. '.repeat(8).slice(0, 100);
    const [scored] = await smol.score([text]);
    const expected = await bruteForce(scored.ids);
    expect(scored.logprobs).toHaveLength(99);
    for (const [t, logprob] of expected.entries()) expect(scored.logprobs[t]).toBeCloseTo(logprob, 9);
    expect(scored.logprob).toBeCloseTo(
      expected.reduce((sum, value) => sum + value, 0),
      7,
    );
    expect(scored.perplexity).toBeCloseTo(Math.exp(-scored.logprob / 99), 9);
  });

  it('refuses a text of one token', async () => {
    await expect(smol.score(['a'])).rejects.toThrow(RangeError);
  });
});

describe('choose', () => {
  it('gives each label the sum of its log-probabilities after the prompt, whatever the order of labels', {
    tags: ['slow'],
  }, async () => {
    const labels = ['yes', 'no', 'perhaps later', 'n'];
    const { scores, label, index } = await smol.choose('Is it so?', labels);
    const prompt = smol.tokenizer.encode('Is it so?');
    for (const { label: text, logprob } of scores) {
      const all = await bruteForce([...prompt, ...smol.tokenizer.encode(text)]);
      const expected = all.slice(prompt.length - 1).reduce((sum, value) => sum + value, 0);
      expect(logprob).toBeCloseTo(expected, 9);
    }
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    expect(scores[index].logprob).toBe(Math.max(...scores.map(({ logprob }) => logprob)));
    const turned = await smol.choose('Is it so?', [...labels].reverse());
    expect(turned.label).toBe(label);
    expect(turned.scores.map(({ logprob }) => logprob).reverse()).toEqual(
      scores.map(({ logprob }) => logprob),
    );
  });

  it.each([
    ['one label', 'a', ['b']],
    ['an empty label', 'a', ['b', '']],
    ['a label twice', 'a', ['b', 'c', 'b']],
    ['an empty prompt', '', ['a', 'b']],
  ])('refuses %s', async (_what, prompt, labels) => {
    await expect(smol.choose(prompt, labels)).rejects.toThrow(RangeError);
  });
});

describe('classify', () => {
  it('is choose behind a prompt that lists the labels, which follow after a space', async () => {
    const classified = await smol.classify('a boat', ['sea', 'land']);
    const chosen = await smol.choose('Labels: sea, land\n\nText: a boat\nLabel:', [' sea', ' land']);
    expect(classified.label).toBe(['sea', 'land'][chosen.index]);
    expect(classified.scores.map(({ logprob }) => logprob)).toEqual(
      chosen.scores.map(({ logprob }) => logprob),
    );
    expect(classified.scores.map(({ label }) => label)).toEqual(['sea', 'land']);
  });

  it('takes a prompt of the caller', async () => {
    const classified = await smol.classify('a boat', ['sea', 'land'], (text) => `Sea or land? ${text}:`);
    const chosen = await smol.choose('Sea or land? a boat:', [' sea', ' land']);
    expect(classified.scores[0].logprob).toBe(chosen.scores[0].logprob);
  });
});
