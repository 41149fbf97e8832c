// Packed rows with several documents against PyTorch in float64: crossing attention (SmolLM2) and masked documents
// (SmolLM3).

import { describe, expect, it } from 'vitest';
import { bytesSource } from '../../src/format/source.ts';
import { openPretrain } from '../../src/train/open-pretrain.ts';
import type { PretrainRecipe } from '../../src/train/recipe.ts';
import { batchOfRows, countLabels } from '../../src/train/row-batch.ts';
import { encodeTokens, type ShardHeader } from '../../src/train/token-shard.ts';
import { nextTokenRow } from '../../src/train/window-source.ts';
import { goldenJson } from '../support/goldens.ts';
import { sum, tinyLearner, wasmTraining } from '../support/training.ts';

const EOS = 2;
const golden = goldenJson('training/docmask.json');

describe.each([
  ['none', undefined],
  ['reset_mask_boundary', EOS],
] as const)('rows of documents, %s', (variant, maskBehind) => {
  const expected = golden.variants[variant];
  const rows = golden.rows.map((row: number[]) => nextTokenRow(Int32Array.from(row), 'row', maskBehind));
  const batch = batchOfRows(rows);
  const weights = batch.labels.map(() => 1 / countLabels(batch.labels));

  it(`count ${expected.labels_counted} labels`, () => {
    expect(countLabels(batch.labels)).toBe(expected.labels_counted);
  });

  it('have PyTorch’s loss and gradient norm within 1e-11 in float64', async () => {
    const learner = await tinyLearner('gqa');
    const loss = sum(learner.gradients(batch, weights).losses) * weights[0];
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-11);
    const norm = Math.sqrt(sum(learner.gradientSquares()));
    expect(Math.abs(norm / expected.grad_norm - 1)).toBeLessThan(1e-11);
  });

  it('have them within 1e-6 in float32', async () => {
    const learner = await tinyLearner('gqa', {}, wasmTraining());
    const loss = sum(learner.gradients(batch, weights).losses) * weights[0];
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-6);
    const norm = Math.sqrt(sum(learner.gradientSquares()));
    expect(Math.abs(norm / expected.grad_norm - 1)).toBeLessThan(1e-6);
  });
});

describe('a shard whose documents end with another id than the model knows', () => {
  it('is refused where documents are masked', async () => {
    const ids = [5, 6, 7, 8, 3, 5, 6, 7, 8, 3];
    const shard = {
      name: 'a.ds',
      source: bytesSource('a.ds', encodeTokens(ids, 2)),
      tokenBytes: 2,
      numTokens: ids.length,
      header: { eos_id: 3 } as ShardHeader,
    } as const;
    const open = async () => ({ name: 'tales', shards: [shard] });
    const opened = (documentMasking: boolean) => {
      const stages = [
        { name: 'one', startStep: 1, seed: 1, mixture: [{ folder: 'tales', weight: undefined }] },
      ];
      const sizes = { sequenceLength: 4, order: 'nanotron', model: { vocabSize: 96, eosIds: [EOS] } };
      return openPretrain(
        { ...sizes, stages, evaluation: {}, documentMasking } as unknown as PretrainRecipe,
        open,
      );
    };
    await expect(opened(true)).rejects.toThrow(
      'tales/a.ds: expected documents that end with id 2 (eos_token_id), got 3',
    );
    await expect(opened(false)).resolves.toBeDefined();
  });
});
