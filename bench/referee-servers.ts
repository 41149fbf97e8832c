// Servers with a planted fault: a faulty program answers what `verify` asks, with and without log-probabilities, and
// `verify` says what it is.

import { argmax } from '../src/base/argmax.ts';
import { chatml } from '../src/chat/chatml.ts';
import type { TextMessage } from '../src/chat/message.ts';
import type { Checkpoint } from '../src/format/checkpoint.ts';
import { logprobsOf } from '../src/generate/logprobs.ts';
import type { Model } from '../src/model/model.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { coarserModels } from '../src/run/likenesses.ts';
import { loadModel } from '../src/run/load.ts';
import { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { withLayerOrder } from '../src/verify/layer-order.ts';
import type { VerifyReference } from '../src/verify/likeness.ts';
import type { ProbedAnswer, Server } from '../src/verify/openai-probe.ts';

/** What a fault must change in ln p (root mean square) to count as seen: ten times what float32 does there. */
export const VISIBLE_LOGPROB = 2e-2;

const MAX_SEQ_LEN = 512;

/** No workers: a model of this size is computed sooner than one starts. */
const ALONE = { ...nodePlatform, spawn: undefined };

/** The right program with everything that `verify` holds a server against. */
export async function servedReference(checkpoint: Checkpoint): Promise<VerifyReference> {
  const load = (from: Checkpoint) =>
    loadModel(from, { engine: 'wasm', precision: 'precise', maxSeqLen: MAX_SEQ_LEN }, ALONE);
  if (!checkpoint.tokenizer) throw new Error('a server needs a model with a tokenizer');
  return {
    model: await load(checkpoint),
    tokenizer: Tokenizer.from(checkpoint.tokenizer),
    render,
    withConfig: (change) => load({ ...checkpoint, config: { ...checkpoint.config, ...change } }),
    withLayers: (order) => load(withLayerOrder(checkpoint, order)),
    coarser: coarserModels(checkpoint, load, nodePlatform),
  };
}

const render = async (messages: readonly TextMessage[]) => chatml(messages, { addGenerationPrompt: true });

/** Greedy answers of a program, each computed once; without log-probabilities only their text is given. */
export class FaultyServer implements Server {
  private readonly answers = new Map<string, Promise<ProbedAnswer>>();
  private readonly model: Model;
  private readonly tokenizer: Tokenizer;
  private readonly withLogprobs: boolean;

  constructor(model: Model, tokenizer: Tokenizer, withLogprobs = true) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.withLogprobs = withLogprobs;
  }

  /** The same answers as text alone. */
  textOnly(): FaultyServer {
    const server = new FaultyServer(this.model, this.tokenizer, false);
    for (const [key, answer] of this.answers) server.answers.set(key, answer);
    return server;
  }

  complete(prompt: string, maxTokens: number): Promise<ProbedAnswer> {
    return this.answer(this.tokenizer.encode(prompt), maxTokens);
  }

  async chat(messages: readonly TextMessage[], maxTokens: number): Promise<ProbedAnswer> {
    return this.answer(this.tokenizer.encode(await render(messages), { addBos: false }), maxTokens);
  }

  async tokenize(): Promise<undefined> {}

  private async answer(ids: readonly number[], maxTokens: number): Promise<ProbedAnswer> {
    const key = ids.join();
    if (!this.answers.has(key)) this.answers.set(key, this.computed(ids, maxTokens));
    const { tokens, ...rest } = await (this.answers.get(key) as Promise<ProbedAnswer>);
    return this.withLogprobs ? { ...rest, tokens } : rest;
  }

  private async computed(promptIds: readonly number[], maxTokens: number): Promise<ProbedAnswer> {
    const { model, tokenizer } = this;
    const chosen: number[] = [];
    const tokens = [];
    const cache = model.newCache();
    let logits = await model.forward(promptIds, cache);
    while (chosen.length < maxTokens && logits.every(Number.isFinite)) {
      const { top } = logprobsOf(logits, 0, 5);
      const named = top.map(({ id, logprob }) => ({ text: tokenizer.decode([id]), logprob }));
      tokens.push({ ...named[0], top: named });
      chosen.push(argmax(logits));
      logits = await model.forward(chosen.slice(-1), cache);
    }
    model.freeCache(cache);
    return { text: tokenizer.decode(chosen), promptTokens: promptIds.length, tokens };
  }
}
