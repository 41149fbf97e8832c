// Multiple choice by log-likelihood. Answers differ in length and hold letters of several bytes, so that what one
// divides by shows.

import { exercise, help } from '../exercise.ts';

interface Choice {
  /** ln p of every token of question and answer, each given all tokens before it. */
  readonly logProbs: number[];
  /** How many of them belong to the question. */
  readonly numPromptTokens: number;
  /** The answer, with the blank in front of it. */
  readonly text: string;
}
type Args = [choices: Choice[]];

const choice = (logProbs: number[], numPromptTokens: number, text: string): Choice => ({
  logProbs,
  numPromptTokens,
  text,
});

export const choose = exercise({
  name: 'choose',
  chapter: 13,
  folder: '13-evaluation',
  title: 'Choose: which answer does the model believe?',
  minutes: 15,
  importance: 2,
  parts: ['sums', 'sums over length', 'two choices'],
  cases: [
    {
      name: 'two answers',
      args: [
        [choice([-2, -1, -1.5, -0.5], 2, ' yes'), choice([-2, -1, -2.5, -0.25], 2, ' certainly')],
      ] as Args,
    },
    {
      name: 'four answers of different length',
      args: [
        [
          choice([-4, -0.5, -3.5, -0.75], 3, ' in Rome'),
          choice([-4, -0.5, -3.5, -0.5, -0.125], 3, ' Pa'),
          choice([-4, -0.5, -3.5, -1.25, -0.5, -0.25], 3, ' in the capital of France'),
          choice([-4, -0.5, -3.5, -2, -0.0625], 3, ' nowhere'),
        ],
      ] as Args,
    },
    {
      name: 'letters of several bytes',
      args: [
        [
          choice([-1, -1, -0.75, -0.5, -0.25], 2, ' 東京都です'),
          choice([-1, -1, -1.25, -0.5], 2, ' Œuvre naïve'),
          choice([-1, -1, -0.5, -1], 2, ' 😀😀 ok'),
        ],
      ] as Args,
    },
    {
      name: 'no blank in front, and a tie',
      args: [
        [choice([-3, -1, -0.5], 1, 'ab'), choice([-3, -0.5, -1], 1, 'cd'), choice([-3, -6], 1, ' abcdefghi')],
      ] as Args,
    },
  ],
  truth: (choices: Choice[]) => chosen(() => false, choices),
  variant: (has) => (choices: Choice[]) => chosen(has as (mistake: string) => boolean, choices),
  mistakes: {
    'with-the-question': help(
      'which tokens count?',
      'yours: the question too. Meant: the answer only.',
      'logProbs',
      'logProbs.slice(numPromptTokens)',
    ),
    'first-skipped': help(
      'which tokens count?',
      'yours: all of the answer but its first. Meant: its first too: the question predicts it.',
      'numPromptTokens + 1',
      'numPromptTokens',
    ),
    'one-of-the-question': help(
      'which tokens count?',
      'yours: the last of the question as well. Meant: the answer only.',
      'numPromptTokens - 1',
      'numPromptTokens',
    ),
    'last-skipped': help(
      'which tokens count?',
      'yours: all of the answer but its last.',
      'slice(numPromptTokens, -1)',
      'slice(numPromptTokens)',
    ),
    'first-token-only': help(
      'which tokens count?',
      'yours: the first of the answer. Meant: all of it.',
      'logProbs[numPromptTokens]',
      'the sum of all',
    ),
    'mean-for-sum': help(
      'a sum, or a mean?',
      'yours: the mean over tokens as the first figure. Meant: the sum.',
      'mean',
      'sum',
    ),
    'over-tokens': help(
      'what is the second figure divided by?',
      'yours: tokens. Meant: characters of the answer.',
      'sum / numTokens',
      'sum / numCharacters',
    ),
    'over-bytes': help(
      'what is a character?',
      'yours: bytes of UTF-8. Meant: code points.',
      'new TextEncoder().encode(text).length',
      '[...text].length',
    ),
    'over-utf16': help(
      'what is a character?',
      'yours: text.length, which counts 😀 twice. Meant: code points.',
      'text.length',
      '[...text].length',
    ),
    'blank-counted': help(
      'does the blank in front count?',
      'yours: yes. Meant: one leading blank is left out.',
      '[...text].length',
      '[...text].length - (text.startsWith(" ") ? 1 : 0)',
    ),
    'always-one-less': help(
      'what if there is no blank in front?',
      'yours: one less always. Meant: only where the text begins with a blank.',
      'length - 1',
      'length - (text.startsWith(" ") ? 1 : 0)',
    ),
    'over-words': help(
      'what is the second figure divided by?',
      'yours: words. Meant: characters.',
      'words',
      'characters',
    ),
    worst: help(
      'which one wins?',
      'yours: the smallest. Meant: the largest: nearest to zero.',
      'Math.min',
      'Math.max',
    ),
    probabilities: help(
      'do probabilities add up, or logarithms?',
      'yours: Σ p. Meant: Σ ln p, which is ln of the product.',
      'Math.exp(logProb)',
      'logProb',
    ),
    'no-logarithm': help(
      'a logarithm, or the probability?',
      'yours: e^sum. Meant: the sum of logarithms itself.',
      'Math.exp(sum)',
      'sum',
    ),
    'minus-sign': help(
      'look at the sign.',
      'yours: −ln p, and the largest of those. Meant: ln p.',
      '-sum',
      'sum',
    ),
    'last-of-equals': help('what if two are equal?', 'yours: the last of them. Meant: the first.', '>=', '>'),
    'same-choice': help(
      'two figures, two choices.',
      'yours: the choice by the sum, twice. Meant: one by each figure.',
      '[best, best]',
      '[best by sum, best by sum over length]',
    ),
  },
  why: [
    'Long answers have smaller sums: dividing by length is fairer, and neither is always right; papers say which.',
    'The question’s own tokens are the same for every answer: counting them changes no choice, but every figure.',
  ],
});

function chosen(has: (mistake: string) => boolean, choices: readonly Choice[]) {
  const sums = choices.map(({ logProbs, numPromptTokens }) => {
    let begin = has('with-the-question') ? 0 : numPromptTokens;
    if (has('first-skipped')) begin++;
    if (has('one-of-the-question')) begin--;
    let own = logProbs.slice(begin, has('last-skipped') ? -1 : undefined);
    if (has('first-token-only')) own = own.slice(0, 1);
    const sum = own.reduce((total, value) => total + (has('probabilities') ? Math.exp(value) : value), 0);
    const figure = has('mean-for-sum') ? sum / own.length : has('no-logarithm') ? Math.exp(sum) : sum;
    return has('minus-sign') ? -figure : figure;
  });
  const perLength = choices.map(({ text, logProbs, numPromptTokens }, i) => {
    const blank = has('blank-counted') ? 0 : has('always-one-less') ? 1 : Number(text.startsWith(' '));
    const plain = text.slice(blank);
    let length = [...plain].length;
    if (has('over-bytes')) length = new TextEncoder().encode(plain).length;
    if (has('over-utf16')) length = plain.length;
    if (has('over-words')) length = plain.split(' ').length;
    if (has('over-tokens')) length = logProbs.length - numPromptTokens;
    return sums[i] / length;
  });
  const best = (figures: readonly number[]) => {
    const target = has('worst') ? Math.min(...figures) : Math.max(...figures);
    return has('last-of-equals') ? figures.lastIndexOf(target) : figures.indexOf(target);
  };
  return [sums, perLength, [best(sums), best(has('same-choice') ? sums : perLength)]];
}
