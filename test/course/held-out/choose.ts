import type { Learner } from './learner.ts';

interface Choice {
  logProbs: number[];
  numPromptTokens: number;
  text: string;
}

const argmax = (list: number[]) => list.indexOf(Math.max(...list));
const sumOf = (list: number[]) => list.reduce((a, b) => a + b, 0);
const answerSum = (c: Choice) => sumOf(c.logProbs.slice(c.numPromptTokens));
const chars = (text: string) => [...text.replace(/^ /, '')].length;
const scored = (sums: number[], norms: number[]) => [sums, norms, [argmax(sums), argmax(norms)]];

export const right: Learner[] = [
  {
    what: 'slice and replace',
    solution: (choices: Choice[]) => {
      const sums = choices.map(answerSum);
      return scored(
        sums,
        choices.map((c, i) => sums[i] / chars(c.text)),
      );
    },
  },
  {
    what: 'one loop, typed arrays, code points counted by hand, summed from the back in float32',
    solution: (choices: Choice[]) => {
      const sums = new Float32Array(choices.length);
      const norms = new Float32Array(choices.length);
      const winners = new Uint8Array(2);
      for (let c = 0; c < choices.length; c++) {
        const { logProbs, numPromptTokens, text } = choices[c];
        for (let t = logProbs.length - 1; t >= numPromptTokens; t--) sums[c] += logProbs[t];
        let length = 0;
        for (const char of text) if (char) length++;
        if (text.startsWith(' ')) length--;
        norms[c] = sums[c] / length;
        if (sums[c] > sums[winners[0]]) winners[0] = c;
        if (norms[c] > norms[winners[1]]) winners[1] = c;
      }
      return [sums, norms, winners];
    },
  },
];

export const wrong: Learner[] = [
  {
    what: 'the tokens of the question count too',
    name: 'with-the-question',
    solution: (choices: Choice[]) => {
      const sums = choices.map((c) => sumOf(c.logProbs));
      return scored(
        sums,
        choices.map((c, i) => sums[i] / chars(c.text)),
      );
    },
  },
  {
    what: 'divides by the number of tokens',
    name: 'over-tokens',
    solution: (choices: Choice[]) => {
      const sums = choices.map(answerSum);
      return scored(
        sums,
        choices.map((c, i) => sums[i] / (c.logProbs.length - c.numPromptTokens)),
      );
    },
  },
  {
    what: 'text.length: code units, not code points',
    name: 'over-utf16',
    solution: (choices: Choice[]) => {
      const sums = choices.map(answerSum);
      return scored(
        sums,
        choices.map((c, i) => sums[i] / (c.text.startsWith(' ') ? c.text.slice(1) : c.text).length),
      );
    },
  },
  {
    what: 'the blank at the front is counted',
    name: 'blank-counted',
    solution: (choices: Choice[]) => {
      const sums = choices.map(answerSum);
      return scored(
        sums,
        choices.map((c, i) => sums[i] / [...c.text].length),
      );
    },
  },
  {
    what: 'the last of equals wins',
    name: 'last-of-equals',
    solution: (choices: Choice[]) => {
      const sums = choices.map(answerSum);
      const norms = choices.map((c, i) => sums[i] / chars(c.text));
      const last = (list: number[]) => list.lastIndexOf(Math.max(...list));
      return [sums, norms, [last(sums), last(norms)]];
    },
  },
  {
    what: 'the first token of the answer is left out',
    name: 'first-skipped',
    solution: (choices: Choice[]) => {
      const sums = choices.map((c) => sumOf(c.logProbs.slice(c.numPromptTokens + 1)));
      return scored(
        sums,
        choices.map((c, i) => sums[i] / chars(c.text)),
      );
    },
  },
];
