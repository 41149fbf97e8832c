// TriviaQA (Joshi et al. 2017) without documents: facts from memory, compared with a list of accepted
// spellings.

import type { Row } from '../rows.ts';
import type { WriteTask } from '../task.ts';

export const triviaQa: WriteTask = {
  kind: 'write',
  name: 'trivia_qa',
  definition: 'https://github.com/huggingface/smollm/blob/main/text/evaluation/smollm2/tasks.py',
  dataset: {
    file: 'triviaqa.sm_sub3000.jsonl',
    hub: { repo: 'mandarjoshi/trivia_qa', config: 'rc.nocontext', split: 'validation' },
  },
  pool: {
    file: 'triviaqa.train.jsonl',
    hub: { repo: 'mandarjoshi/trivia_qa', config: 'rc.nocontext', split: 'train' },
  },
  shots: 0,
  shotChoice: 'random',
  maxNewTokens: 20,
  stop: (style) => (style === 'lm-eval' ? ['\n', '.', ','] : ['Question:', 'Question']),
  doc(row) {
    const query = row.has('context') ? row.text('context') : `Question: ${row.text('question')}\nAnswer:`;
    return { query, target: ` ${aliasesOf(row)[0]}` };
  },
  grade(row, output) {
    const chosen = normalised(output);
    const aliases = aliasesOf(row).map(normalised);
    return { chosen, gold: aliases[0], scores: { qem: Number(aliases.includes(chosen)) } };
  },
};

function aliasesOf(row: Row): readonly string[] {
  const holder = row.has('aliases') ? row : row.record('answer');
  const aliases = holder.texts('aliases');
  return aliases.length > 0 ? aliases : row.refuse('aliases', 'at least one', aliases);
}

/** Lower case, without ASCII punctuation and blanks at the ends. */
function normalised(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~]/g, '')
    .trim();
}
