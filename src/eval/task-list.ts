// Every benchmark by its name, and the names that stand for several.

import type { Task } from './task.ts';
import { arcChallenge, arcEasy } from './tasks/arc.ts';
import { bbh } from './tasks/bbh.ts';
import { commonsenseQa } from './tasks/commonsense-qa.ts';
import { gsm8k } from './tasks/gsm8k.ts';
import { hellaswag } from './tasks/hellaswag.ts';
import { humanevalJs, humanevalPython } from './tasks/humaneval.ts';
import { ifeval } from './tasks/ifeval.ts';
import { lambada } from './tasks/lambada.ts';
import { math500, mathTest } from './tasks/math.ts';
import { mmluCloze, mmluLetters } from './tasks/mmlu.ts';
import { mmluPro } from './tasks/mmlu-pro.ts';
import { needle } from './tasks/needle.ts';
import { openbookQaTest, openbookQaValidation } from './tasks/openbook-qa.ts';
import { piqa } from './tasks/piqa.ts';
import { triviaQa } from './tasks/trivia-qa.ts';
import { wikitext } from './tasks/wikitext.ts';
import { winogrande } from './tasks/winogrande.ts';

/** Every benchmark, as the SmolLM2 paper scored it. */
export const TASKS: readonly Task[] = [
  piqa,
  arcEasy,
  arcChallenge,
  openbookQaValidation,
  openbookQaTest,
  commonsenseQa,
  winogrande,
  hellaswag,
  mmluCloze,
  mmluLetters,
  mmluPro,
  triviaQa,
  gsm8k,
  mathTest,
  math500,
  ...bbh,
  ifeval,
  humanevalPython,
  humanevalJs,
  lambada,
  wikitext,
  needle,
];

/** Short names, and the lists of SmolLM2's evaluation. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  arc: ['arc:easy', 'arc:challenge'],
  bbh: bbh.map((task) => task.name),
  openbookqa: ['openbook_qa'],
  triviaqa: ['trivia_qa'],
  choices: ['piqa', 'arc:easy', 'arc:challenge', 'openbook_qa', 'commonsense_qa', 'winogrande'],
};

/**
 * Tasks of a list of names, in that order and without repetition.
 *
 * @throws RangeError for a name that is neither a task nor an alias
 */
export function tasksNamed(names: readonly string[]): Task[] {
  const wanted = new Set(names.flatMap((name) => ALIASES[name] ?? [name]));
  return [...wanted].map((name) => {
    const task = TASKS.find((candidate) => candidate.name === name);
    if (task) return task;
    const known = [
      ...TASKS.map((item) => item.name).filter((item) => !item.startsWith('bbh:')),
      'arc',
      'bbh',
    ];
    throw new RangeError(`tasks: expected names from ${known.join(', ')}; got ${name}`);
  });
}
