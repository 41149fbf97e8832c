// Perplexity on the real weights against transformers in float64: test/golden/make_perplexity.py says how.

import { afterAll, describe, expect, it } from 'vitest';
import { nodePlatform } from '../../../src/node/platform.ts';
import { loadModel } from '../../../src/run/load.ts';
import { perplexity, windowsOf } from '../../../src/score/perplexity.ts';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { goldenJson } from '../../support/goldens.ts';
import { realCheckpoint } from '../../support/weights.ts';
import { evalText } from '../eval-files.ts';

interface PerplexityCase {
  readonly rule: 'hf' | 'llama';
  readonly length: number;
  readonly stride: number;
  readonly scored: number;
  readonly perplexity: number;
}

const { cases }: { cases: PerplexityCase[] } = goldenJson('perplexity.json');
const checkpoint = await realCheckpoint();
const ids = [
  ...Tokenizer.from(checkpoint.tokenizer!).encode(
    [...evalText('wikitext2.tokens.test.txt')].slice(0, 12_000).join(''),
  ),
].slice(0, 2048);
const model = await loadModel(checkpoint, { engine: 'wasm', precision: 'precise' }, nodePlatform);
afterAll(() => model.close());

describe('perplexity of 2048 tokens of WikiText-2 is within 1e-4 of transformers in float64', () => {
  it.each(cases)('windows $rule of $length, stride $stride', async (golden: PerplexityCase) => {
    const { rule, length, stride, scored } = golden;
    const result = await perplexity(model, ids, windowsOf(rule, ids.length, length, stride));
    console.log(`${rule} ${length}/${stride}: ${result.perplexity}, transformers ${golden.perplexity}`);
    expect(result.numScored).toBe(scored);
    expect(Math.abs(result.perplexity / golden.perplexity - 1)).toBeLessThan(1e-4);
  });
});
