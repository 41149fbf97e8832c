// The prompts of test/golden/real-135m-instruct, and one comparison that both engines go through.

import type { Model } from '../../src/model/model.ts';
import { goldenFloat64, goldenJson } from './goldens.ts';

export interface GoldenPrompt {
  readonly name: string;
  readonly text: string;
  readonly ids: number[];
  /** The 20 largest logits of some positions (all, or the last 8 of long prompts). */
  readonly top20: { position: number; ids: number[]; logits: number[] }[];
  /** Entry i is log p(ids[i + 1] | ids[0 … i]). */
  readonly next_token_logprobs: number[];
  readonly greedy48: { ids: number[]; top1_minus_top2: number[] };
  /** What plain float32 transformers is away from float64. */
  readonly f64_minus_f32: Record<string, number>;
}

export const PROMPT_NAMES = [
  'plain-english',
  'chat-default-system',
  'chat-own-system',
  'chat-multi-turn',
  'code',
  'maths',
  'unicode',
  'whitespace',
  'single-token',
  'special-tokens',
  'five-tokens',
  'eight-tokens',
  'long',
] as const;

/** All but the long one: twelve, which are published in vectors/ and measured by `npm run numerics`. */
export const SHORT_PROMPTS = PROMPT_NAMES.filter((name) => name !== 'long');

export function goldenPrompt(name: string): GoldenPrompt {
  return goldenJson(`real-135m-instruct/${name}.json`);
}

export interface GoldenErrors {
  /** Largest |logit - float64| over every stored logit: top 20 of the stored positions, and the whole last row. */
  logits: number;
  /** Largest |log-probability - float64| over the prompt. */
  logprobs: number;
  /** Ids that the greedy continuation would choose; float64's where all is well. */
  greedy: number[];
}

/** Rows of logits held at once: 128 rows of the 135M take 50 MB in float64. */
const ROWS = 128;

/**
 * Runs prompt and golden continuation through a model in one go. Greedy choices are checked by showing the model the
 * golden ids: if each is its own choice after those before it, the free-running continuation is the same.
 */
export async function compareWithGolden(model: Model, prompt: GoldenPrompt): Promise<GoldenErrors> {
  const { vocabSize } = model.config;
  const ids = [...prompt.ids, ...prompt.greedy48.ids.slice(0, -1)];
  const cache = model.newCache(ids.length);
  const last = goldenFloat64(`real-135m-instruct/${prompt.name}.last.f64.bin`);
  const errors: GoldenErrors = { logits: 0, logprobs: 0, greedy: [] };
  const worsen = (kind: 'logits' | 'logprobs', actual: number, expected: number) => {
    const difference = Math.abs(actual - expected);
    errors[kind] = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(errors[kind], difference);
  };
  for (let begin = 0; begin < ids.length; begin += ROWS) {
    const rows = await model.forward(ids.slice(begin, begin + ROWS), cache, { logits: 'all' });
    for (let pos = begin; pos < Math.min(begin + ROWS, ids.length); pos++) {
      const row = rows.subarray((pos - begin) * vocabSize, (pos - begin + 1) * vocabSize);
      const stored = prompt.top20.find(({ position }) => position === pos);
      stored?.ids.forEach((id, i) => worsen('logits', row[id], stored.logits[i]));
      if (pos < prompt.ids.length - 1) {
        worsen('logprobs', row[prompt.ids[pos + 1]] - logSumExp(row), prompt.next_token_logprobs[pos]);
      }
      if (pos === prompt.ids.length - 1) row.forEach((logit, id) => worsen('logits', logit, last[id]));
      if (pos >= prompt.ids.length - 1) errors.greedy.push(argmax(row));
    }
  }
  model.freeCache(cache);
  return errors;
}

function argmax(row: Float64Array | Float32Array): number {
  let best = 0;
  for (let id = 1; id < row.length; id++) if (row[id] > row[best]) best = id;
  return best;
}

function logSumExp(row: Float64Array | Float32Array): number {
  const max = row[argmax(row)];
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - max);
  return max + Math.log(sum);
}
