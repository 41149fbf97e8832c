// Packed rows with several documents against PyTorch in float64: crossing attention (SmolLM2) and masked documents
// (SmolLM3).

import { describe, expect, it } from 'vitest';
import { batchOfRows, countLabels } from '../../src/train/row-batch.ts';
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
