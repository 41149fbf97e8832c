import { describe, expect, it } from 'vitest';
import { Answer } from '../../src/generate/answer.ts';
import type { Constraint, GeneratedToken, GenerateOptions } from '../../src/generate/options.ts';
import { FAKE_EOS, FakeModel, fakeTokenizer, hashing, winner } from '../support/fake-model.ts';

const { config } = new FakeModel(hashing);

function answerTo(
  prompt: readonly number[],
  options: GenerateOptions = {},
  cachedIds: readonly number[] = [],
) {
  return new Answer(fakeTokenizer, prompt, options, { config, maxSeqLen: 64, cachedIds });
}

/** Runs an answer on a rule instead of a model. */
function run(prompt: readonly number[], options: GenerateOptions): GeneratedToken[] {
  const answer = answerTo(prompt, { maxTokens: 12, seed: 3, ...options });
  let ids: number[] = [];
  const tokens: GeneratedToken[] = [];
  for (let next = answer.pending(); next; next = answer.pending()) {
    ids = [...ids.slice(0, next.startPos), ...next.ids];
    const first = ids.length - next.numRows;
    const rows = Array.from({ length: next.numRows }, (_, row) => hashing(ids.slice(0, first + row + 1)));
    tokens.push(...answer.take(rows));
  }
  return tokens;
}

/** Allows `step` ids in turn: first those of remainder 0, then 1, and so on; the end is never allowed. */
function inTurn(step: number): Constraint & { accepted: number[] } {
  const accepted: number[] = [];
  return {
    accepted,
    mask(scores) {
      for (let id = 0; id < scores.length; id++) {
        if (id === FAKE_EOS || id % step !== accepted.length % step) scores[id] = Number.NEGATIVE_INFINITY;
      }
    },
    accept: (id) => accepted.push(id),
  };
}

describe('Answer', () => {
  it('asks for the prompt with one row, then for each new id, and for nothing after the end', () => {
    const answer = answerTo([5, 6, 7], { maxTokens: 2 });
    expect(answer.pending()).toEqual({ ids: [5, 6, 7], startPos: 0, numRows: 1 });
    expect([...answer.take([winner(9)])]).toMatchObject([{ id: 9 }]);
    expect(answer.pending()).toEqual({ ids: [9], startPos: 3, numRows: 1 });
    expect([...answer.take([winner(FAKE_EOS)])]).toMatchObject([{ id: FAKE_EOS }]);
    expect(answer.pending()).toBeUndefined();
    expect(answer.result()).toMatchObject({ finishReason: 'stop', ids: [9] });
  });

  it('asks only for what of the prompt is not cached, and at least for its last id', () => {
    expect(answerTo([5, 6, 7], {}, [5, 6, 8]).pending()).toMatchObject({ ids: [7], startPos: 2 });
    expect(answerTo([5, 6, 7], {}, [5, 6, 7, 8]).pending()).toMatchObject({ ids: [7], startPos: 2 });
    expect(answerTo([5, 6, 7], {}, [1]).pending()).toMatchObject({ ids: [5, 6, 7], startPos: 0 });
  });

  it('takes the row after a guess only if the guess was right', () => {
    const answer = answerTo([1, 2, 3, 1, 2], { lookup: 2, maxTokens: 20 });
    [...answer.take([winner(3)])];
    expect(answer.pending()).toEqual({ ids: [3, 1, 2], startPos: 5, numRows: 3 });
    expect([...answer.take([winner(1), winner(9), winner(4)])].map(({ id }) => id)).toEqual([1, 9]);
    expect(answer.pending()).toEqual({ ids: [9], startPos: 7, numRows: 1 });
  });

  it('wants nothing once its signal was given', () => {
    const controller = new AbortController();
    const answer = answerTo([5], { signal: controller.signal });
    controller.abort();
    expect(answer.pending()).toBeUndefined();
    expect(answer.result().finishReason).toBe('abort');
  });
});

describe('a constraint', () => {
  it.each([0, 1.3])(
    'draws only allowed ids at temperature %d, the best of them when greedy',
    (temperature) => {
      const constraint = inTurn(5);
      const ids = run([40, 41], { temperature, constraint }).map(({ id }) => id);
      expect(ids.map((id) => id % 5)).toEqual(ids.map((_, n) => n % 5));
      expect(constraint.accepted).toEqual(ids);
      if (temperature > 0) return;
      const text = [40, 41];
      for (const [n, id] of ids.entries()) {
        const scores = hashing(text);
        const allowed = [...scores.keys()].filter((other) => other !== FAKE_EOS && other % 5 === n % 5);
        expect(scores[id]).toBe(Math.max(...allowed.map((other) => scores[other])));
        text.push(id);
      }
    },
  );

  it('sees scores after penalties and bias, and leaves log-probabilities as the model has them', () => {
    const seen: number[] = [];
    const constraint = { mask: (scores: ArrayLike<number>) => seen.push(scores[7]), accept: () => {} };
    const logitBias = new Map([[7, 3]]);
    const [token] = run([40], { maxTokens: 1, constraint, logitBias, logprobs: 1 });
    expect(seen).toEqual([hashing([40])[7] + 3]);
    expect(token.logprob).toBe(run([40], { maxTokens: 1, logitBias, logprobs: 1 })[0].logprob);
  });

  it.each([0, 0.9])('gives the same answer with guesses at temperature %d', (temperature) => {
    const plain = run([7, 8, 7, 8], { temperature, constraint: inTurn(2), maxTokens: 40 });
    const guessed = run([7, 8, 7, 8], { temperature, constraint: inTurn(2), maxTokens: 40, lookup: 4 });
    expect(guessed.map(({ id }) => id)).toEqual(plain.map(({ id }) => id));
  });

  it('that allows nothing is an error, and so is one that is none', () => {
    const nothing = {
      mask: (scores: Float64Array | Float32Array) => scores.fill(-Infinity),
      accept: () => {},
    };
    expect(() => run([40], { constraint: nothing as Constraint })).toThrow(/-Infinity for all/);
    const wrong = { mask: () => {} } as unknown as Constraint;
    expect(() => answerTo([40], { constraint: wrong })).toThrow(TypeError);
  });
});
