// BIG-Bench Hard (Suzgun et al. 2022), 27 subsets: three answered examples of the same subset, then the
// answer alone, exactly equal after trimming. lm-eval's main form shows worked-out examples, which are not
// part of the data; with its style only the wording changes here.

import type { WriteTask } from '../task.ts';

const SUBSETS = [
  'boolean_expressions',
  'causal_judgement',
  'date_understanding',
  'disambiguation_qa',
  'dyck_languages',
  'formal_fallacies',
  'geometric_shapes',
  'hyperbaton',
  'logical_deduction_five_objects',
  'logical_deduction_seven_objects',
  'logical_deduction_three_objects',
  'movie_recommendation',
  'multistep_arithmetic_two',
  'navigate',
  'object_counting',
  'penguins_in_a_table',
  'reasoning_about_colored_objects',
  'ruin_names',
  'salient_translation_error_detection',
  'snarks',
  'sports_understanding',
  'temporal_sequences',
  'tracking_shuffled_objects_five_objects',
  'tracking_shuffled_objects_seven_objects',
  'tracking_shuffled_objects_three_objects',
  'web_of_lies',
  'word_sorting',
];

/** The official list sets no limit; no right answer is longer than 50 tokens, so a longer output is wrong. */
const MAX_NEW_TOKENS = 128;

export const bbh: readonly WriteTask[] = SUBSETS.map((subset) => ({
  kind: 'write',
  name: `bbh:${subset}`,
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: {
    file: `bbh/${subset}.json`,
    hub: { repo: 'lighteval/big_bench_hard', config: subset, split: 'train' },
  },
  pool: 'same',
  shots: 3,
  shotChoice: 'balanced',
  maxNewTokens: MAX_NEW_TOKENS,
  stop: (style) => (style === 'lm-eval' ? ['</s>', 'Q', '\n\n'] : ['Question:', 'Question']),
  doc: (row, style) => ({
    query: style === 'lm-eval' ? `Q: ${row.text('input')}\nA: ` : `Question: ${row.text('input')}\nAnswer: `,
    target: row.text('target'),
  }),
  grade(row, output) {
    const chosen = output.trim();
    const gold = row.text('target').trim();
    return { chosen, gold, scores: { em: Number(chosen === gold) } };
  },
}));
