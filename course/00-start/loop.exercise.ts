// The loop around a model. The model is a table that answers by everything it was given, so a lost or doubled token
// shows at once.

import { exercise, help } from '../exercise.ts';
import { randomNumbers } from '../random.ts';

const VOCAB_SIZE = 12;

/** A model of whole numbers: scores that depend on every id and its place. Two best scores are often equal. */
function modelOf(seed: number): (ids: readonly number[]) => number[] {
  return (ids) => {
    if (!Array.isArray(ids)) throw new TypeError(`next: expected a list of ids, got a ${typeof ids}`);
    const hash = ids.reduce((sum, id, at) => Math.imul(sum ^ (id + 1), 0x01000193) + at, seed);
    const number = randomNumbers(hash);
    return Array.from({ length: VOCAB_SIZE }, () => Math.floor(3 * number()));
  };
}

type Args = [prompt: readonly number[], seed: number, stopId: number, maxNewTokens: number];
type Next = (ids: readonly number[]) => number[];

export const loop = exercise({
  name: 'loop',
  chapter: 0,
  folder: '00-start',
  title: 'The loop: guess, append, guess again',
  minutes: 10,
  importance: 3,
  exact: true,
  cases: [
    { name: 'one new token', args: [[3, 1], 5, 0, 1] as Args },
    { name: 'six new tokens', args: [[3, 1, 4], 9, 11, 6] },
    { name: 'a stop id after a few', args: [[7, 2, 2], 1, 0, 40] },
    { name: 'another stop id', args: [[1], 8, 4, 40] },
    { name: 'nothing wanted', args: [[1, 2], 8, 4, 0] },
    { name: 'twelve new tokens', args: [[5, 5, 9, 1], 77, 13, 12] },
  ],
  given: (prompt, seed, stopId, maxNewTokens) => [prompt, modelOf(seed), stopId, maxNewTokens],
  truth: (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
    const ids = [...prompt];
    while (ids.length < prompt.length + maxNewTokens) {
      const scores = next(ids);
      const id = scores.indexOf(Math.max(...scores));
      if (id === stopId) break;
      ids.push(id);
    }
    return ids.slice(prompt.length);
  },
  variant: (has) => (prompt: number[], next: Next, stopId: number, maxNewTokens: number) => {
    const ids = [...prompt];
    const answer: number[] = [];
    const count = has('one-too-many')
      ? maxNewTokens + 1
      : has('one-too-few')
        ? maxNewTokens - 1
        : maxNewTokens;
    const limit = has('counts-the-prompt') ? count - prompt.length : count;
    for (let n = 0; n < limit; n++) {
      let seen = ids;
      if (has('newest-only')) seen = ids.slice(-1);
      if (has('newest-after-the-prompt')) seen = n === 0 ? ids : ids.slice(-1);
      if (has('forgets-the-prompt')) seen = n === 0 ? ids : answer;
      if (has('always-the-prompt')) seen = prompt;
      if (has('newest-first')) seen = [...ids].reverse();
      const scores = next(seen);
      const best = has('least-likely') ? Math.min(...scores) : Math.max(...scores);
      const id = has('last-of-equals')
        ? scores.lastIndexOf(best)
        : has('score-for-id')
          ? best
          : scores.indexOf(best);
      if (id === stopId && !has('ignores-the-stop')) {
        if (has('keeps-the-stop')) answer.push(id);
        break;
      }
      ids.push(id);
      if (has('appends-twice')) ids.push(id);
      answer.push(id);
    }
    return has('with-the-prompt') ? [...prompt, ...answer] : answer;
  },
  mistakes: {
    'newest-after-the-prompt': help(
      'look at what the model is given from the second token on.',
      'yours: the prompt, and then only the newest id. This model remembers nothing: it needs all ids so far.',
      'next([id])',
      'next(ids)',
    ),
    'newest-only': help(
      'look at what the model is given.',
      'yours: only the newest id. This model remembers nothing: it needs all ids so far.',
      'next([id])',
      'next(ids)',
    ),
    'forgets-the-prompt': help(
      'look at what the model is given from the second token on.',
      'yours: the answer without the prompt. Meant: the prompt and the answer so far.',
      'next(answer)',
      'next([...prompt, ...answer])',
    ),
    'always-the-prompt': help(
      'does the model see what it said?',
      'yours: the prompt each time. Meant: the prompt and the answer so far.',
      'next(prompt)',
      'next(ids)',
    ),
    'newest-first': help(
      'in which order do the ids come?',
      'yours: newest first. Meant: oldest first.',
      'ids.unshift(id)',
      'ids.push(id)',
    ),
    'least-likely': help(
      'which score wins?',
      'yours: the smallest. Meant: the largest.',
      'Math.min(...scores)',
      'Math.max(...scores)',
    ),
    'last-of-equals': help(
      'what if two scores are equal?',
      'yours: the last of them. Meant: the first, as everybody does it, so that answers agree.',
      'scores[id] >= best',
      'scores[id] > best',
    ),
    'score-for-id': help(
      'an id, or a score?',
      'yours: the largest score. Meant: its index, which is the id.',
      'Math.max(...scores)',
      'scores.indexOf(Math.max(...scores))',
    ),
    'ignores-the-stop': help(
      'when does the answer end?',
      'yours: never before the limit. Meant: at the stop id.',
      'ids.push(id)',
      'if (id === stopId) break; ids.push(id)',
    ),
    'keeps-the-stop': help(
      'does the stop id belong to the answer?',
      'yours: it is appended. Meant: it is left out.',
      'answer.push(id); if (id === stopId) break',
      'if (id === stopId) break; answer.push(id)',
    ),
    'appends-twice': help(
      'how often is an id appended?',
      'yours: twice to what the model sees. Meant: once.',
      'ids.push(id, id)',
      'ids.push(id)',
    ),
    'with-the-prompt': help(
      'what is wanted: the text or the answer?',
      'yours: prompt and answer. Meant: the answer only.',
      'return ids',
      'return ids.slice(prompt.length)',
    ),
    'one-too-many': help(
      'count the tokens.',
      'yours: one more than maxNewTokens. Meant: at most so many.',
      'n <= maxNewTokens',
      'n < maxNewTokens',
    ),
    'one-too-few': help(
      'count the tokens.',
      'yours: one fewer than maxNewTokens. Meant: at most so many.',
      'n < maxNewTokens - 1',
      'n < maxNewTokens',
    ),
    'counts-the-prompt': help(
      'count the tokens: only new ones.',
      'yours: the prompt counts too. Meant: maxNewTokens new ones.',
      'ids.length < maxNewTokens',
      'ids.length < prompt.length + maxNewTokens',
    ),
  },
  why: [
    'This loop is the whole of "writing": src/generate/generate.ts is the same one with a memory of the past.',
    'Always taking the best is called greedy; chapter 8 throws dice instead.',
  ],
});
