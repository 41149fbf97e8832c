// Log-likelihoods of 40 questions against HuggingFace transformers on the same dequantised weights, in float32. The
// reference lines come from test/golden/eval/make_eval_reference.py; docs/results.md has the comparison of 200
// questions of each task, which gave the bounds below.

import { afterAll, describe, expect, it } from 'vitest';
import { compareRuns } from '../../../src/eval/compare-runs.ts';
import { ModelScorer } from '../../../src/eval/model-scorer.ts';
import { runTasks } from '../../../src/eval/runner.ts';
import { parseSamples } from '../../../src/eval/sample.ts';
import { tasksNamed } from '../../../src/eval/task-list.ts';
import type { Model } from '../../../src/model/model.ts';
import { nodePlatform } from '../../../src/node/platform.ts';
import { loadModel } from '../../../src/run/load.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { goldenBytes } from '../../support/goldens.ts';
import { realCheckpoint } from '../../support/weights.ts';
import { evalRows } from '../eval-files.ts';

const FILE = 'eval/transformers-sample.jsonl';

describe('log-likelihoods', () => {
  let model: Model | undefined;
  afterAll(() => model?.close());

  it.each([
    { precision: 'precise' as const, bound: 1e-4 },
    { precision: 'fast' as const, bound: 0.02 },
  ])(
    'of 171 choices are within $bound of those of transformers, and the same are chosen ($precision)',
    async ({ precision, bound }) => {
      const { samples: reference } = parseSamples(FILE, new TextDecoder().decode(goldenBytes(FILE)));
      const checkpoint = await realCheckpoint();
      await model?.close();
      model = await loadModel(checkpoint, { precision, maxSeqLen: 2048 }, nodePlatform);
      const scorer = new ModelScorer(model, Tokenizer.from(checkpoint.tokenizer!));
      const ours = await runTasks(
        tasksNamed([...new Set(reference.map(({ task }) => task))]),
        { rows: async (dataset) => evalRows(dataset) },
        scorer,
        {
          ...{ model: '135m-instruct', style: 'lighteval', chat: false, seed: 42, rows: [0, 3] },
          runCode: async () => ({ passed: false, reason: 'not run' }),
          onSample: () => {},
        },
      );
      scorer.close();
      const comparisons = compareRuns(reference, ours);
      expect(comparisons).toHaveLength(10);
      for (const { task, common, sameChoice, maxDelta } of comparisons) {
        expect({ task, common, sameChoice }).toEqual({ task, common: 4, sameChoice: 4 });
        expect(maxDelta, task).toBeLessThan(bound);
      }
    },
  );
});
