// GSM8K (Cobbe et al. 2021): school arithmetic in words, five worked examples in front. The answer is the
// number after `####`.

import type { Scores, WriteTask } from '../task.ts';

/** No number was found. */
const INVALID = '[invalid]';

export const gsm8k: WriteTask = {
  kind: 'write',
  name: 'gsm8k',
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: { file: 'gsm8k.test.jsonl', hub: { repo: 'openai/gsm8k', config: 'main', split: 'test' } },
  pool: { file: 'gsm8k.train.jsonl.gz', hub: { repo: 'openai/gsm8k', config: 'main', split: 'train' } },
  shots: 5,
  shotChoice: 'random',
  maxNewTokens: 256,
  stop: () => ['Question:', 'Question'],
  doc: (row) => ({ query: `Question: ${row.text('question')}\nAnswer:`, target: ` ${row.text('answer')}` }),
  grade(row, output, style) {
    // lm-eval leaves a full stop at the end out of the comparison, lighteval does not.
    const ignored = style === 'lighteval' ? '' : '.';
    const gold = withoutEnd(answerOf(row.text('answer')), ignored);
    const chosen = withoutEnd(answerOf(output), ignored);
    const strict = Number(chosen !== INVALID && chosen === gold);
    const scores: Scores =
      style === 'lighteval'
        ? { qem: strict }
        : { strict_match: strict, flexible_extract: Number(lastNumber(output) === gold) };
    return { chosen, gold, scores };
  },
};

function answerOf(text: string): string {
  return /#### (-?[0-9.,]+)/.exec(text)?.[1].replaceAll(',', '') ?? INVALID;
}

function withoutEnd(text: string, end: string): string {
  return end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text;
}

/**
 * lm-eval's flexible extraction: the last number, without currency sign, thousands commas and final full
 * stop.
 */
function lastNumber(text: string): string {
  const numbers = text.match(/-?[$0-9.,]{2,}|-?[0-9]+/g);
  return (numbers?.at(-1) ?? INVALID).replace(/[,$]/g, '').replace(/\.$/, '');
}
