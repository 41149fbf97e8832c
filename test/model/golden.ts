// Every golden prompt through the reference engine: one file of tests per half, so that two cores share the work.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { compareWithGolden, type GoldenErrors, goldenPrompt } from '../support/prompts.ts';
import { realModel } from '../support/weights.ts';

export function describeGoldenPrompts(names: readonly string[]): void {
  let model: Model;
  beforeAll(async () => {
    model = await realModel();
  });
  afterAll(() => model?.close());

  describe.each(names)('reference engine, %s', (name) => {
    const prompt = goldenPrompt(name);
    let errors: GoldenErrors;
    beforeAll(async () => {
      errors = await compareWithGolden(model, prompt);
      console.log(`${name}: max |logit - f64| ${errors.logits}, max |log p - f64| ${errors.logprobs}`);
    });

    it('logits are within 1e-9 of float64 transformers at every stored position', () => {
      expect(errors.logits).toBeLessThanOrEqual(1e-9);
    });

    it('log-probabilities of the prompt are within 1e-9', () => {
      expect(errors.logprobs).toBeLessThanOrEqual(1e-9);
    });

    it('the greedy continuation of 48 tokens is identical', () => {
      expect(errors.greedy).toEqual(prompt.greedy48.ids);
    });
  });
}
