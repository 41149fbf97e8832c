// From prompt ids to an answer, one token at a time: forward what the answer wants, let it draw, show what was drawn.
// This is where the walk begins; the next step is src/run/loaded-model.ts. What is kept between the tokens is
// answer.ts, what is drawn from the logits sampler.ts.

import { EngineError } from '../base/errors.ts';
import type { Model, PassEntry, PassOptions } from '../model/model.ts';
import type { KvCache, Values } from '../ops.ts';
import { Answer, type Pending } from './answer.ts';
import type { AnswerTokenizer, GeneratedToken, GenerateOptions, GenerationResult } from './options.ts';

export type {
  Constraint,
  FinishReason,
  GeneratedToken,
  GenerateOptions,
  GenerationResult,
} from './options.ts';

/**
 * Yields every sampled token, the one that ends the answer included; returns the whole answer.
 *
 * @throws RangeError            for options or ids out of range
 * @throws ContextOverflowError  when prompt and answer do not fit, unless `contextOverflow` says what to do
 */
export async function* generate(
  model: Model,
  tokenizer: AnswerTokenizer,
  promptIds: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, GenerationResult> {
  const timeline = options.timeline ?? { cache: model.newCache(), ids: [] };
  const { cache } = timeline;
  let answer: Answer | undefined;
  try {
    const cachedIds = timeline.ids.slice(0, cache.length);
    answer = new Answer(tokenizer, promptIds, options, {
      config: model.config,
      maxSeqLen: cache.maxSeqLen,
      cachedIds,
    });
    let rows: Values[] | undefined;
    for (let next = answer.pending(); next; next = answer.pending()) {
      rows = await forward(model, cache, next, options, rows);
      if (rows) yield* answer.take(rows);
    }
    return answer.result();
  } finally {
    if (options.timeline) answer?.leave(timeline);
    else model.freeCache(cache);
  }
}

/** The rows that an answer waits for; undefined when its signal came in between. */
async function forward(
  model: Model,
  cache: KvCache,
  { ids, startPos, numRows }: Pending,
  { signal, onPromptProgress: onProgress }: GenerateOptions,
  usedRows?: readonly Values[],
): Promise<Values[] | undefined> {
  cache.length = startPos;
  try {
    const entry = { ids, cache, rows: numRows, usedRows };
    const [rows] = await steadyRun(model, [entry], { signal, onProgress });
    return rows;
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

/**
 * `model.run`, tried a second time where the engine stopped in the first: where a worker dies in the middle of a pass,
 * the next call starts a new team. Nothing of the first try is left: rows behind a cache's length do not count.
 *
 * @throws EngineError  when it stopped in both, and what `run` throws besides
 */
export async function steadyRun(
  model: Pick<Model, 'run'>,
  entries: readonly PassEntry[],
  options?: PassOptions,
): Promise<Values[][]> {
  const lengths = entries.map(({ cache }) => cache.length);
  try {
    return await model.run(entries, options);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    for (const [n, { cache }] of entries.entries()) cache.length = lengths[n];
    return model.run(entries, options);
  }
}
