// The stage `decontaminate`: documents that hold an item of a benchmark go, and the report shows both texts.

import { tasksNamed } from '../../eval/task-list.ts';
import type { Resources, StageKind, StageOptions } from '../stage.ts';
import { words } from '../words/words.ts';
import {
  type Contamination,
  ContaminationIndex,
  type DecontaminationRule,
  NGRAM_SIZES,
} from './contamination.ts';
import { itemsOfFile, itemsOfTask } from './items.ts';

export const decontaminate: StageKind = {
  name: 'decontaminate',
  summary:
    'Removes documents that hold questions of benchmarks, by the rule of cosmopedia, finemath or datatrove',
  options: {
    rule: 'finemath',
    /** Benchmarks by their names in `smollm2 eval`, from files in `folder`. */
    tasks: ['gsm8k', 'math', 'mmlu', 'arc'],
    folder: null,
    /** Or a file of items, one JSON object a line: task, id, query, answer. */
    items: null,
    /** Words of a common run; 0 for the rule's own. */
    ngramSize: 0,
  },
  create: async (options, resources) => {
    const index = await indexOf(options, resources);
    return {
      name: 'decontaminate',
      apply: (doc) => {
        const found = index.find(doc.text);
        return found ? { removed: 'contaminated', because: sideBySide(found) } : doc;
      },
    };
  },
};

async function indexOf(options: StageOptions, resources: Resources): Promise<ContaminationIndex> {
  const { rule, tasks, folder, items, ngramSize } = options;
  if (!Object.hasOwn(NGRAM_SIZES, String(rule)))
    throw new RangeError(`decontaminate.rule: expected ${Object.keys(NGRAM_SIZES).join(', ')}; got ${rule}`);
  if (folder === null && items === null)
    throw new RangeError(
      'decontaminate: expected folder with the files of its tasks, or items, a file; got neither',
    );
  const index = new ContaminationIndex(rule as DecontaminationRule, words, Number(ngramSize) || undefined);
  if (items !== null) for (const item of await itemsOfFile(String(items), resources)) index.add(item);
  if (folder !== null) {
    for (const task of tasksNamed(tasks as readonly string[]))
      for (const item of await itemsOfTask(task, String(folder), resources)) index.add(item);
  }
  return index;
}

/** What a report shows of a hit: the item, the common run, how much of it is there, and both texts. */
export function sideBySide({ item, ngram, ratio, documentText, itemText }: Contamination): string {
  const share = ratio === null ? '' : `, ${(100 * ratio).toFixed(0)} % of it`;
  return `${item.task} ${item.id}: "${ngram}"${share}\n  document  … ${documentText} …\n  benchmark ${itemText}`;
}
