// verify's counterparts in a function: our own engine behind the interface of a server, with a fault each.

import { afterAll } from 'vitest';
import type { ChatMessage, TextMessage } from '../../src/chat/message.ts';
import { ChatTemplate } from '../../src/chat/template.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { logprobsOf } from '../../src/generate/logprobs.ts';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { coarserModels } from '../../src/run/likenesses.ts';
import { loadModel } from '../../src/run/load.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { withLayerOrder } from '../../src/verify/layer-order.ts';
import type { ProbedAnswer, Server } from '../../src/verify/openai-probe.ts';
import { realCheckpoint } from './weights.ts';

export const checkpoint = await realCheckpoint();
afterAll(() => checkpoint.close());
// 512 positions: the short texts are asked, those of 600 and 2,000 tokens are not, so that the file ends in minutes.
export const loaded = (from: Checkpoint, maxSeqLen = 512) =>
  loadModel(from, { engine: 'wasm', precision: 'precise', threads: 2, maxSeqLen }, nodePlatform);
export const load = (ropeTheta = checkpoint.config.ropeTheta) => withConfig({ ropeTheta });
export const withConfig = (change: Partial<Checkpoint['config']>) =>
  loaded({ ...checkpoint, config: { ...checkpoint.config, ...change } });
export const model = await load();
const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
const template = new ChatTemplate(checkpoint.chatTemplate!, {});
const render = async (messages: readonly ChatMessage[]) =>
  template.render([...messages], { addGenerationPrompt: true });
export const reference = {
  model,
  tokenizer,
  render,
  withConfig,
  withLayers: (order: readonly number[]) => loaded(withLayerOrder(checkpoint, order)),
  coarser: coarserModels(checkpoint, loaded, nodePlatform),
};

/** Layers 5 and 6 exchanged: every tensor of one under the name of the other. */
export const exchanged = (): Checkpoint => {
  const order = Array.from({ length: checkpoint.config.numLayers }, (_, layer) => layer);
  return withLayerOrder(checkpoint, order.with(5, 6).with(6, 5));
};

/** Greedy answers of a model, as a server gives them. */
export function serverOf(
  served: Model,
  options: {
    logprobs?: boolean;
    prefix?: number[];
    rendered?: (messages: readonly TextMessage[]) => string;
  } = {},
): Server {
  const { logprobs = true, prefix = [], rendered } = options;
  const answer = async (ids: readonly number[], maxTokens: number): Promise<ProbedAnswer> => {
    const cache = served.newCache();
    let logits = await served.forward([...prefix, ...ids], cache);
    const tokens = [];
    const chosen: number[] = [];
    for (let n = 0; n < maxTokens; n++) {
      const { top } = logprobsOf(logits, 0, 5);
      const named = top.map(({ id, logprob }) => ({ text: tokenizer.decode([id]), logprob }));
      tokens.push({ ...named[0], top: named });
      chosen.push(top[0].id);
      logits = await served.forward([top[0].id], cache);
    }
    served.freeCache(cache);
    return {
      text: tokenizer.decode(chosen),
      promptTokens: prefix.length + ids.length,
      ...(logprobs ? { tokens } : {}),
    };
  };
  return {
    complete: (prompt, maxTokens) => answer(tokenizer.encode(prompt), maxTokens),
    chat: async (messages, maxTokens) => {
      const prompt = rendered ? rendered(messages as readonly TextMessage[]) : await render(messages);
      return answer(tokenizer.encode(prompt, { addBos: false }), maxTokens);
    },
    tokenize: async () => undefined,
  };
}
