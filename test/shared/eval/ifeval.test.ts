// The 25 checkers against the official ones, on 541 answers that GPT-4 gave to the benchmark's prompts.

import { describe, expect, it } from 'vitest';
import { followedList, variantsOf } from '../../../src/eval/tasks/ifeval.ts';
import { goldenJson } from '../../support/goldens.ts';
import { evalRows } from '../eval-files.ts';

/** `langdetect` takes these few English words for Spanish, German, Welsh and Tagalog. */
const SHORT_TEXTS = [157, 188, 250, 299, 476];
/** The official checker draws a letter at random where the prompt asks for `#` or `!`. */
const hasLetter = (args: { letter?: string }) => args.letter === undefined || /^[a-z]$/i.test(args.letter);
/** "in o. Let's": an initial for an untrained Punkt, the end of a sentence for us. */
const INITIAL = 33;

describe('instructions', () => {
  const rows = evalRows({ file: 'ifeval.input_data.jsonl' });
  const answers = evalRows({ file: 'ifeval.gpt4_responses.jsonl' });
  const official: { strict: string[]; loose: string[] } = goldenJson('eval/ifeval_followed.json');

  it.each([
    { reading: 'strict' as const, known: SHORT_TEXTS },
    { reading: 'loose' as const, known: [INITIAL, ...SHORT_TEXTS] },
  ])('are judged as by the official checkers, read $reading, in all 834 but $known.length', (given) => {
    const { reading, known } = given;
    const differing: number[] = [];
    let count = 0;
    for (const [index, row] of rows.entries()) {
      const response = answers[index].text('response');
      const ours = followedList(row, reading === 'strict' ? [response] : variantsOf(response));
      const theirs = [...official[reading][index]].map((bit) => bit === '1');
      const kinds = row.texts('instruction_id_list');
      count += kinds.length;
      const args = row.raw('kwargs') as { letter?: string }[];
      for (const i of kinds.keys()) {
        if (ours[i] !== theirs[i] && hasLetter(args[i])) differing.push(index);
      }
    }
    expect(count).toBe(834);
    expect(differing).toEqual(known);
  });
});
