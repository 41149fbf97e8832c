// IFEval (Zhou et al. 2023): instructions whose following a program can check. Strict looks at the answer as
// it is, loose also at variants without its first line, last line and asterisks.

import { follows, type InstructionArguments } from '../instructions.ts';
import { meansOf } from '../metrics.ts';
import type { Row } from '../rows.ts';
import type { WriteTask } from '../task.ts';

export const ifeval: WriteTask = {
  kind: 'write',
  name: 'ifeval',
  definition: 'https://github.com/google-research/google-research/tree/master/instruction_following_eval',
  dataset: {
    file: 'ifeval.input_data.jsonl',
    hub: { repo: 'google/IFEval', config: 'default', split: 'train' },
  },
  shots: 0,
  shotChoice: 'random',
  maxNewTokens: 1280,
  stop: () => [],
  needsChat: true,
  doc: (row) => ({ query: row.text('prompt'), target: '' }),
  grade(row, output) {
    const strict = followedList(row, [output]);
    const loose = followedList(row, variantsOf(output));
    const numFollowed = (list: readonly boolean[]) => list.filter(Boolean).length;
    return {
      chosen: strict.map(Number).join(''),
      gold: strict.map(() => 1).join(''),
      scores: {
        prompt_strict: Number(strict.every(Boolean)),
        prompt_loose: Number(loose.every(Boolean)),
        followed_strict: numFollowed(strict),
        followed_loose: numFollowed(loose),
        instructions: strict.length,
      },
    };
  },
  summary(scores) {
    const total = (name: string) => scores.reduce((sum, score) => sum + score[name], 0);
    const prompts = meansOf(
      scores.map(({ prompt_strict, prompt_loose }) => ({ prompt_strict, prompt_loose })),
    );
    const instStrict = total('followed_strict') / total('instructions');
    const instLoose = total('followed_loose') / total('instructions');
    return [
      ...prompts,
      { name: 'inst_strict', value: instStrict },
      { name: 'inst_loose', value: instLoose },
      { name: 'average_strict', value: (prompts[0].value + instStrict) / 2 },
    ];
  },
};

/** For each instruction of the row, whether one of the texts follows it; an empty text follows nothing. */
export function followedList(row: Row, texts: readonly string[]): boolean[] {
  const kinds = row.texts('instruction_id_list');
  const argumentList = row.raw('kwargs');
  if (!Array.isArray(argumentList) || argumentList.length !== kinds.length) {
    row.refuse('kwargs', `a list of ${kinds.length} objects`, argumentList);
  }
  return kinds.map((kind, i) =>
    texts.some((text) => text.trim() !== '' && follows(kind, text, argumentList[i] as InstructionArguments)),
  );
}

/** The eight readings of the loose score. */
export function variantsOf(output: string): string[] {
  const lines = output.split('\n');
  const cuts = [lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((cut) => cut.join('\n').trim());
  const texts = [output, ...cuts];
  return [...texts, ...texts.map((text) => text.replaceAll('*', ''))];
}
