// Needle in a haystack: a sentence with a number hidden at a depth of a long text, and asked for at its end.
// The hay is made here, so the task needs no file; rows are (length, depth) pairs.

import { PythonRandom } from '../python-random.ts';
import { Row } from '../rows.ts';
import type { WriteTask } from '../task.ts';

const LENGTHS = [256, 512, 1024, 2048, 4096, 7000];
const DEPTHS = [0, 25, 50, 75, 100];
/**
 * Tokens that one sentence of hay has on average with SmolLM2's tokenizer (measured:
 * test/eval/needle.test.ts).
 */
const TOKENS_A_SENTENCE = 11.6;

const SUBJECTS = [
  'The baker',
  'A sailor',
  'My neighbour',
  'The old teacher',
  'A young painter',
  'The gardener',
];
const VERBS = ['walked slowly to', 'talked about', 'often dreamed of', 'wrote a letter about', 'returned to'];
const PLACES = [
  'the harbour',
  'the market',
  'the small library',
  'the station',
  'the green hills',
  'the river',
];
const ENDS = ['in the morning', 'after the rain', 'before supper', 'on a quiet day', 'with two friends'];

export const needle: WriteTask = {
  kind: 'write',
  name: 'needle',
  definition: 'https://github.com/gkamradt/LLMTest_NeedleInAHaystack',
  dataset: { file: 'needle (generated)' },
  generated: needleRows,
  shots: 0,
  shotChoice: 'random',
  maxNewTokens: 12,
  stop: () => ['\n'],
  doc: (row) => ({ query: promptOf(row), target: ` ${row.text('secret')}.` }),
  grade(row, output) {
    const gold = row.text('secret');
    const chosen = /\d+/.exec(output)?.[0] ?? '';
    const length = row.index0('length', 1 << 20);
    const found = Number(chosen === gold);
    return { chosen, gold, scores: { found, [`found_at_${length}`]: found } };
  },
  summary(scores) {
    const names = ['found', ...LENGTHS.map((length) => `found_at_${length}`)];
    return names.flatMap((name) => {
      const values = scores.filter((score) => name in score).map((score) => score[name]);
      const value = values.reduce((sum, score) => sum + score, 0) / values.length;
      return values.length > 0 ? [{ name, value }] : [];
    });
  },
};

/** Every length with every depth, each with a secret and a text of its own. */
export function needleRows(): Row[] {
  const random = new PythonRandom(42);
  const pairs = LENGTHS.flatMap((length) => DEPTHS.map((depth) => ({ length, depth })));
  return pairs.map((pair, index) => {
    const secret = String(1000 + random.below(9000));
    return new Row(needle.dataset.file, index, { ...pair, secret, seed: random.below(1 << 20) });
  });
}

function promptOf(row: Row): string {
  const random = new PythonRandom(row.index0('seed', 1 << 20));
  const count = Math.max(1, Math.round(row.index0('length', 1 << 20) / TOKENS_A_SENTENCE) - 3);
  const pick = (words: readonly string[]) => words[random.below(words.length)];
  const hay = Array.from(
    { length: count },
    () => `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(PLACES)} ${pick(ENDS)}.`,
  );
  hay.splice(
    Math.round((count * row.index0('depth', 101)) / 100),
    0,
    `The secret number is ${row.text('secret')}.`,
  );
  return `${hay.join(' ')}\n\nQuestion: What is the secret number?\nAnswer: The secret number is`;
}
