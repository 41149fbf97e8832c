import { expect, it } from 'vitest';
import { buildQuestions } from '../../src/eval/questions.ts';
import { tasksNamed } from '../../src/eval/task-list.ts';
import { needleRows } from '../../src/eval/tasks/needle.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { jsonSource } from '../support/tokenizers.ts';

it('makes haystacks within 8 % of the length in tokens that each row names', { tags: ['slow'] }, async () => {
  const tokenizer = Tokenizer.from(jsonSource);
  const questions = await buildQuestions(tasksNamed(['needle'])[0], needleRows(), [], { style: 'lighteval' });
  const ratios = questions.map(
    ({ row, context }) => tokenizer.encode(context).length / row.index0('length', 9999),
  );
  expect(ratios).toHaveLength(30);
  expect(Math.min(...ratios)).toBeGreaterThan(0.92);
  expect(Math.max(...ratios)).toBeLessThan(1.08);
});
