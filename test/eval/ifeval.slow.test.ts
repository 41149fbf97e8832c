// The 25 checkers against the official ones, on 541 answers that GPT-4 gave to the benchmark's prompts.

import { describe, expect, it } from 'vitest';
import { followedList, variantsOf } from '../../src/eval/tasks/ifeval.ts';
import { evalRows, hasEvalFiles } from '../support/eval-files.ts';
import { goldenJson } from '../support/goldens.ts';

describe.runIf(hasEvalFiles)('instructions', () => {
  const rows = hasEvalFiles ? evalRows({ file: 'ifeval.input_data.jsonl' }) : [];
  const answers = hasEvalFiles ? evalRows({ file: 'ifeval.gpt4_responses.jsonl' }) : [];
  const official: { strict: string[]; loose: string[] } = goldenJson('eval/ifeval_followed.json');

  it.each(['strict', 'loose'] as const)('are judged as by the official checkers, read %s, in all 834', (reading) => {
    const differing: string[] = [];
    let count = 0;
    for (const [index, row] of rows.entries()) {
      const response = answers[index].text('response');
      const ours = followedList(row, reading === 'strict' ? [response] : variantsOf(response));
      const theirs = [...official[reading][index]].map((bit) => bit === '1');
      const kinds = row.texts('instruction_id_list');
      count += kinds.length;
      for (const [i, kind] of kinds.entries()) {
        if (ours[i] !== theirs[i]) differing.push(`row ${index} ${kind} official ${theirs[i]}`);
      }
    }
    expect(count).toBe(834);
    expect(differing).toEqual([]);
  });
});
