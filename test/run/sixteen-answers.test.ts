// Sixteen answers through the library while a prompt of 2,000 ids is computed: each with the bits that it has alone, and
// none waits for more than two chunks, counted and not timed.

import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import type { Runner } from '../../src/run/runner.ts';
import { SmolLM2 } from '../../src/smollm2.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';
import { jsonSource } from '../support/tokenizers.ts';

const checkpoint = randomCheckpoint({ ...SMALL_CONFIG, maxSeqLen: 2100 }, () => 'Q4_1');
const idsOf = (length: number, seed: number) => Array.from({ length }, (_, t) => (t * 37 + seed * 11) % 61);
const LONG = idsOf(2000, 1);
const SHORT = Array.from({ length: 16 }, (_, n) => idsOf(3 + (n % 12), n));

let model: Model;
let smol: SmolLM2;
beforeAll(async () => {
  model = await loadModel(checkpoint, {}, { ...nodePlatform, spawn: undefined });
  smol = new SmolLM2(model, Tokenizer.from(jsonSource));
});
afterAll(() => smol.close());

/** Ids and log-probabilities of an answer. */
async function answer(ids: readonly number[], seed: number): Promise<unknown[]> {
  const told: unknown[] = [];
  const options = { maxTokens: 12, ignoreEos: true, temperature: seed % 2, seed, logprobs: 2 };
  for await (const { id, logprob, topLogprobs } of smol.generate(ids, options))
    told.push([id, logprob, topLogprobs]);
  return told;
}

it('each has its own bits, and waits for its own chunk and the one before', { tags: ['slow'] }, async () => {
  const alone: unknown[] = [];
  for (const [n, ids] of [LONG, ...SHORT].entries()) alone.push(await answer(ids, n));

  const { runner } = model as unknown as { runner: Runner };
  let numChunks = 0;
  const compute = runner.run.bind(runner);
  const chunks = vi.spyOn(runner, 'run').mockImplementation(async (program, chunk) => {
    await compute(program, chunk);
    if (chunk.logitsDone === 0) numChunks++;
  });
  const waits: number[] = [];
  const pass = model.run.bind(model);
  const passes = vi.spyOn(model, 'run').mockImplementation(async (entries, options) => {
    const before = numChunks;
    const rows = await pass(entries, options);
    if (entries[0].ids.length <= 16) waits.push(numChunks - before);
    return rows;
  });
  const together = await Promise.all([LONG, ...SHORT].map(answer));
  passes.mockRestore();
  chunks.mockRestore();

  expect(together).toEqual(alone);
  expect(waits.length).toBeGreaterThanOrEqual(16 * 12);
  expect(Math.max(...waits)).toBeLessThanOrEqual(2);
  // The long prompt went on beside them, in more chunks than it takes alone.
  expect(numChunks).toBeGreaterThan(2000 / 128);
});
