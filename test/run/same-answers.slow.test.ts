// Every answer is what it is alone: text, ids and log-probabilities, whoever is served beside it, whatever is cached,
// whoever gives up. The test prints one hash for each way of serving.

import { expect, it } from 'vitest';
import { sha256Text } from '../../src/base/sha256.ts';
import { generate } from '../../src/generate/generate.ts';
import type { GenerateOptions } from '../../src/generate/options.ts';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { loadModel } from '../../src/run/load.ts';
import { PrefixCache } from '../../src/run/prefix-cache.ts';
import { randomCheckpoint, SMALL_CONFIG } from '../support/random-checkpoint.ts';

const checkpoint = randomCheckpoint({ ...SMALL_CONFIG, maxSeqLen: 700 }, () => 'Q4_1');
const tokenizer = { eosIds: [2], decoder: () => ({ push: (id: number) => `${id} `, end: () => '' }) };
const idsOf = (length: number, seed: number) => Array.from({ length }, (_, t) => (t * 37 + seed * 11) % 61);

interface Question {
  readonly ids: readonly number[];
  readonly options: GenerateOptions;
}

const NUM_QUESTIONS = 64;
const system = idsOf(40, 5);
/** Short and long prompts, most of which begin alike, some of them the same; drawn and greedy. */
const questions = Array.from({ length: NUM_QUESTIONS }, (_, n): Question => {
  const length = n % 16 === 7 ? 400 : 3 + (n % 9);
  const ids = n % 5 === 0 ? idsOf(length, n) : [...system, ...idsOf(length, n % 7)];
  const temperature = n % 3 === 0 ? 0 : 0.9;
  const options = { maxTokens: 6, seed: n, temperature, logprobs: 2, lookup: n % 4 === 1 ? 3 : 0 };
  return { ids, options: { ...options, ignoreEos: true } };
});

async function answer(model: Model, { ids, options }: Question, caches?: PrefixCache, signal?: AbortSignal) {
  const timeline = await caches?.take(ids, signal);
  const onPromptProgress = () => timeline && caches?.advance(timeline);
  const told: unknown[] = [];
  const run = generate(model, tokenizer, ids, { ...options, signal, timeline, onPromptProgress });
  let step = await run.next();
  for (; !step.done; step = await run.next()) {
    const { id, text, logprob, topLogprobs } = step.value;
    told.push([id, text, logprob, topLogprobs]);
  }
  if (timeline) caches?.give(timeline);
  const { text, ids: answered, finishReason } = step.value;
  return JSON.stringify([text, answered, finishReason, told]);
}

/** All questions, `clients` at a time; beside them others that give up, half of them after a moment. */
async function served(model: Model, clients: number, caches?: PrefixCache, quitters = 0): Promise<string[]> {
  const answers: string[] = [];
  let next = 0;
  const client = async () => {
    while (next < NUM_QUESTIONS) {
      const n = next++;
      answers[n] = await answer(model, questions[n], caches);
    }
  };
  const quitter = async (_: unknown, n: number) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), n * 3);
    await answer(model, questions[(n * 5) % NUM_QUESTIONS], caches, stop.signal);
  };
  await Promise.all([
    ...Array.from({ length: clients }, client),
    ...Array.from({ length: quitters }, quitter),
  ]);
  return answers;
}

async function hashOf(answers: readonly string[]): Promise<string> {
  return (await sha256Text(answers.join('\n'))).slice(0, 16);
}

it('answers 64 questions with the bits of each alone', { timeout: 120_000 }, async () => {
  const model = await loadModel(checkpoint, { threads: 1 }, nodePlatform);
  try {
    const alone: string[] = [];
    // Without guesses: they change when a token is known, not which.
    for (const { ids, options } of questions) {
      alone.push(await answer(model, { ids, options: { ...options, lookup: 0 } }));
    }
    const hashes: Record<string, string> = { alone: await hashOf(alone) };
    for (const clients of [1, 7, 64]) {
      hashes[`${clients} clients`] = await hashOf(await served(model, clients));
      const caches = new PrefixCache(model, { maxBytes: 2 ** 24 });
      hashes[`${clients} clients, prefix cache`] = await hashOf(await served(model, clients, caches));
      hashes[`${clients} clients, prefix cache, quitters`] = await hashOf(
        await served(model, clients, caches, 8),
      );
      hashes[`${clients} clients, what is left of the cache`] = await hashOf(
        await served(model, clients, caches),
      );
      expect(caches.usage.cachedIds).toBeGreaterThan(2000);
      caches.close();
    }
    console.log(hashes);
    expect(new Set(Object.values(hashes)).size).toBe(1);
    expect(new Set(alone).size).toBeGreaterThan(NUM_QUESTIONS / 2); // answers that differ
  } finally {
    await model.close();
  }
});
