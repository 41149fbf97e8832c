// From prompt ids to an answer, one token at a time: run the prompt, then sample, show, run the new id. This
// is where the walk begins; the next step is src/model/transformer.ts. What is drawn from the logits is
// sampler.ts.

import type { Model } from '../model/model.ts';
import type { AnswerTokenizer, GeneratedToken, GenerateOptions, GenerationResult } from './answer.ts';
import { AnswerRun } from './answer-run.ts';
import { sample } from './sampler.ts';

export type { FinishReason, GeneratedToken, GenerateOptions, GenerationResult } from './answer.ts';

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
  const run = new AnswerRun(model, tokenizer, promptIds, options);
  try {
    let rows = await run.forwardPrompt();
    let guesses: readonly number[] = [];
    while (rows) {
      // One row without guesses. With them, the next row counts only if the guess that led to it was right.
      for (const [index, logits] of rows.entries()) {
        if (run.signal?.aborted || run.finishReason) break;
        const id = sample(logits, options, run, run.rng);
        yield run.accept(id, logits);
        if (id !== guesses[index]) break;
      }
      if (run.signal?.aborted || run.finishReason) break;
      guesses = run.guesses();
      rows = await run.forwardNext(guesses);
    }
    return run.result();
  } finally {
    run.close();
  }
}
