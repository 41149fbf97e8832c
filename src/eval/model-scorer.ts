// The Scorer of a model in this process: pairs are tokenized as both harnesses do, and whatever the caches'
// ids share with the next question is not computed again.

import { argmax } from '../base/argmax.ts';
import { logSumExp } from '../base/log-sum-exp.ts';
import { commonLength } from '../generate/answer.ts';
import { generate } from '../generate/generate.ts';
import type { AnswerTokenizer, Timeline } from '../generate/options.ts';
import type { Model } from '../model/model.ts';
import type { ChatReading, Request } from './questions.ts';
import { type Likelihood, movedBlanks, type Scorer, type WriteOptions } from './scoring.ts';

/** What scoring needs of a tokenizer. */
export interface ScorerTokenizer extends AnswerTokenizer {
  /** Stands before the first id of a text; where there is none, the first of `eosIds` does. */
  readonly bosId?: number | undefined;
  encode(text: string, reading?: ChatReading): number[];
}

/** Ids of context and continuation in one row, and where the continuation begins (at least 1). */
interface EncodedPair {
  readonly ids: readonly number[];
  readonly split: number;
}

/** Window of a long text's perplexity; lighteval ran SmolLM2 with 2048 positions. */
const TEXT_WINDOW = 2048;
/** Rows of logits held at once while a long text is scored. */
const TEXT_ROWS = 64;

/** Scores with one cache, which keeps what the last question left in it. */
export class ModelScorer implements Scorer {
  private readonly model: Model;
  private readonly tokenizer: ScorerTokenizer;
  private readonly timeline: Timeline;

  constructor(model: Model, tokenizer: ScorerTokenizer) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.timeline = { cache: model.newCache(), ids: [] };
  }

  /** Gives the cache back. */
  close(): void {
    this.model.freeCache(this.timeline.cache);
  }

  async loglikelihoods(requests: readonly Request[]): Promise<Likelihood[]> {
    const { cache } = this.timeline;
    const pairs = requests.map((request) => encodePair(this.tokenizer, request, cache.maxSeqLen));
    const shared = sharedPrefix(pairs);
    const first = shared > 0 ? await this.extendTo(pairs[0].ids.slice(0, shared)) : undefined;
    const results: Likelihood[] = [];
    for (const { ids, split } of pairs) {
      const sum = new LikelihoodSum(this.model.config.vocabSize);
      let begin = shared;
      this.cutTo(ids.slice(0, shared));
      if (first === undefined || split > shared) {
        const skipped = ids.slice(shared, split - 1);
        if (skipped.length > 0) await this.model.forward(skipped, cache, { logits: 'none' });
        begin = split - 1;
      } else {
        sum.add(first, 0, ids[split]);
      }
      const inputs = ids.slice(begin, -1);
      if (inputs.length > 0) {
        const logits = await this.model.forward(inputs, cache, { logits: 'all' });
        inputs.forEach((_, row) => {
          sum.add(logits, row, ids[begin + row + 1]);
        });
      }
      results.push(sum);
      this.timeline.ids = ids.slice(0, cache.length);
    }
    return results;
  }

  async textLoglikelihood(text: string): Promise<number> {
    const { cache } = this.timeline;
    const ids = this.tokenizer.encode(text);
    const sum = new LikelihoodSum(this.model.config.vocabSize);
    const window = Math.min(TEXT_WINDOW, cache.maxSeqLen);
    const { bosId = this.model.config.eosIds[0] ?? this.tokenizer.eosIds[0] } = this.tokenizer;
    const all = [bosId, ...ids];
    for (let start = 0; start < ids.length; start += window) {
      // Each window predicts its own ids only, from those before it (lm-eval's rolling windows): one, but the last
      // window is as long as the others, so that its few ids are predicted from many.
      const end = Math.min(start + window, ids.length);
      const begin = start === 0 ? 0 : Math.min(start, end - window);
      const inputs = all.slice(begin, end);
      const first = start - begin;
      this.cutTo([]);
      for (let row = 0; row < inputs.length; row += TEXT_ROWS) {
        const logits = await this.model.forward(inputs.slice(row, row + TEXT_ROWS), cache, { logits: 'all' });
        const count = Math.min(TEXT_ROWS, inputs.length - row);
        for (let i = Math.max(0, first - row); i < count; i++) sum.add(logits, i, ids[begin + row + i]);
      }
      this.timeline.ids = inputs;
    }
    return sum.sum;
  }

  async write(prompt: string, { stop, maxNewTokens, reading }: WriteOptions): Promise<string> {
    const answer = generate(this.model, this.tokenizer, this.tokenizer.encode(prompt, reading), {
      temperature: 0,
      maxTokens: maxNewTokens,
      stop,
      timeline: this.timeline,
      contextOverflow: 'truncate-left',
    });
    for (;;) {
      const step = await answer.next();
      if (step.done) return step.value.text;
    }
  }

  /** What the cache is known to hold, whatever a pass that failed may have left behind it. */
  private cutTo(ids: readonly number[]): void {
    this.timeline.cache.length = ids.length;
    this.timeline.ids = ids;
  }

  /**
   * Brings the cache to exactly `ids`, keeping what it shares with them; logits [1, vocabSize] after the
   * last.
   */
  private async extendTo(ids: readonly number[]): Promise<Float64Array | Float32Array> {
    const { timeline, model } = this;
    const kept = commonLength(timeline.ids, ids);
    this.cutTo(ids.slice(0, kept));
    const logits = await model.forward(ids.slice(kept), timeline.cache);
    timeline.ids = ids;
    return logits;
  }
}

/**
 * Ids of a pair: both texts together, split where the context alone would end. Where the continuation adds no
 * token, the context's last one counts as continuation; an empty context becomes the end-of-text id; what
 * does not fit is cut from the left.
 */
export function encodePair(tokenizer: ScorerTokenizer, request: Request, maxSeqLen: number): EncodedPair {
  const { context, continuation, reading } = movedBlanks(request);
  const whole = tokenizer.encode(context + continuation, reading);
  if (whole.length === 0)
    throw new RangeError('request: expected a text, got an empty context and continuation');
  let ids = whole;
  let split = Math.min(tokenizer.encode(context, reading).length, whole.length - 1);
  if (split === 0) {
    ids = [tokenizer.eosIds[0], ...whole];
    split = 1;
  }
  const excess = ids.length - (maxSeqLen + 1);
  if (excess <= 0) return { ids, split };
  return { ids: ids.slice(excess), split: Math.max(1, split - excess) };
}

/** Number of leading ids that all pairs share, none of whose rows but the last predicts a continuation. */
function sharedPrefix(pairs: readonly EncodedPair[]): number {
  const limit = Math.min(...pairs.map(({ split }) => split));
  let shared = 0;
  while (shared < limit && pairs.every(({ ids }) => ids[shared] === pairs[0].ids[shared])) shared++;
  return shared;
}

/** Adds up ln p of ids, one row of logits at a time. */
class LikelihoodSum implements Likelihood {
  sum = 0;
  isGreedy = true;
  private readonly vocabSize: number;

  constructor(vocabSize: number) {
    this.vocabSize = vocabSize;
  }

  /** ln softmax(logits[row])[id]; logits [rows, vocabSize]. */
  add(logits: ArrayLike<number>, row: number, id: number): void {
    const begin = row * this.vocabSize;
    const end = begin + this.vocabSize;
    if (argmax(logits, begin, end) !== begin + id) this.isGreedy = false;
    this.sum += logits[begin + id] - logSumExp(logits, begin, end);
  }
}
