// verify against servers in a function: our own engine behind the interface of a server, with a fault each.

import { afterAll, describe, expect, it } from 'vitest';
import type { ChatMessage, TextMessage } from '../../src/chat/message.ts';
import { ChatTemplate } from '../../src/chat/template.ts';
import type { Checkpoint } from '../../src/format/checkpoint.ts';
import { logprobsOf } from '../../src/generate/logprobs.ts';
import type { Model } from '../../src/model/model.ts';
import { nodePlatform } from '../../src/node/platform.ts';
import { coarserModels, wrongModels } from '../../src/run/likenesses.ts';
import { loadModel } from '../../src/run/load.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import type { ProbedAnswer, Server } from '../../src/verify/openai-probe.ts';
import { verifyServer } from '../../src/verify/verify.ts';
import { WRONG_TEMPLATES } from '../../src/verify/verify-prompts.ts';
import { realCheckpoint } from '../support/weights.ts';

const checkpoint = await realCheckpoint();
// 512 positions: the short texts are asked, those of 600 and 2,000 tokens are not, so that the file ends in minutes.
const loaded = (from: Checkpoint) =>
  loadModel(from, { engine: 'wasm', precision: 'precise', threads: 2, maxSeqLen: 512 }, nodePlatform);
const load = (ropeTheta = checkpoint.config.ropeTheta) => withConfig({ ropeTheta });
const withConfig = (change: Partial<Checkpoint['config']>) =>
  loaded({ ...checkpoint, config: { ...checkpoint.config, ...change } });
const model = await load();
afterAll(() => model.close());
const tokenizer = Tokenizer.from(checkpoint.tokenizer!);
const template = new ChatTemplate(checkpoint.chatTemplate!, {});
const render = async (messages: readonly ChatMessage[]) =>
  template.render([...messages], { addGenerationPrompt: true });
const reference = {
  model,
  tokenizer,
  render,
  withTheta: load,
  coarser: coarserModels(checkpoint, loaded),
  wrong: wrongModels(checkpoint, loaded),
};

/** Layers 5 and 6 exchanged: every tensor of one under the name of the other. */
const exchanged = (): Checkpoint => {
  const other = (name: string) =>
    name.replace(/layers\.(5|6)\./, (_, layer) => `layers.${layer === '5' ? 6 : 5}.`);
  return {
    ...checkpoint,
    tensors: new Map(
      [...checkpoint.tensors].map(([name, tensor]) => [other(name), { ...tensor, name: other(name) }]),
    ),
  };
};

/** Greedy answers of a model, as a server gives them. */
function serverOf(
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

describe('verifyServer', () => {
  it('finds itself right, to the digits that float32 has', async () => {
    const { verdict, texts } = await verifyServer(serverOf(model), reference);
    expect(verdict).toBe('right');
    expect(texts.rms).toBeLessThan(1e-5);
    expect(texts.numGreedy).toBe(texts.numChosen);
  });

  it('finds itself right without log-probabilities, as far as that can be said', async () => {
    const { verdict, findings } = await verifyServer(serverOf(model, { logprobs: false }), reference);
    expect(verdict).toBe('right-quantised');
    expect(findings[0]).toContain('how exact cannot be said');
  });

  const servers: [string, () => Promise<Model>, RegExp][] = [
    ['layers 5 and 6 exchanged', () => loaded(exchanged()), /^(wrong-model|cannot-judge)$/],
    ['theta 130000', () => load(130_000), /^wrong-rope-theta$/],
    ['theta 80000', () => load(80_000), /^wrong-rope-theta$/],
    ['eps 1e-3', () => withConfig({ rmsNormEps: 1e-3 }), /^wrong-model$/],
    ['activations of 8 bits', () => reference.coarser[0].load(), /^right-quantised$/],
    ['weights in Q8_0', () => reference.coarser[1].load(), /^right/],
    ['weights in Q4_0', () => reference.coarser[3].load(), /^right-quantised$/],
  ];
  it.each(servers)('judges a server with %s', async (_, open, verdict) => {
    const served = await open();
    try {
      const report = await verifyServer(serverOf(served), reference);
      expect(report.verdict, report.findings.join('; ')).toMatch(verdict);
    } finally {
      await served.close();
    }
  });

  it('names theta 10000, with log-probabilities', async () => {
    const wrong = await load(10_000);
    const report = await verifyServer(serverOf(wrong), reference);
    await wrong.close();
    expect(report.verdict).toBe('wrong-rope-theta');
    expect(report.findings[0]).toContain('rope theta 10000 fits');
  });

  it('names the wrong template', async () => {
    const name = 'Llama 2 ([INST] … [/INST])';
    const report = await verifyServer(serverOf(model, { rendered: WRONG_TEMPLATES[name] }), reference);
    expect(report.verdict).toBe('wrong-template');
    expect(report.findings[0]).toBe(`the template seems to be: ${name}`);
  });

  it('finds a begin-of-text token that the model has not', async () => {
    const report = await verifyServer(serverOf(model, { prefix: [1] }), reference);
    expect(report.verdict).toBe('wrong-tokenizer');
    expect(report.findings[0]).toContain('one more: a begin-of-text token');
  });
});
