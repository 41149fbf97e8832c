// Servers of the nano model that are right in all but one token: one computes it otherwise, one chooses against its own
// numbers.

import { afterAll, expect, it } from 'vitest';
import { FaultyServer, servedReference } from '../../bench/referee-servers.ts';
import { openNode } from '../../src/node/open.ts';
import type { ProbedAnswer, Server } from '../../src/verify/openai-probe.ts';
import { verifyServer } from '../../src/verify/verify.ts';
import { type Faults, faultyModel } from '../support/faulty-engine.ts';

const checkpoint = await openNode('models/nano.gguf');
const reference = await servedReference(checkpoint);
const right = new FaultyServer(reference.model, reference.tokenizer);
const served = (faults: Faults) => faultyModel(checkpoint, faults, reference.model.maxSeqLen);
afterAll(async () => {
  await reference.model.close();
  await checkpoint.close();
});

/** Adds as much to the logit of an id in every row: noise that is the same in every pass. */
const wave = (f: number) => (x: Float64Array, vocabSize: number) =>
  x.map((value, n) => value + 0.2 * Math.sin(f * (n % vocabSize)));

type Tokens = NonNullable<ProbedAnswer['tokens']>;

/** Whether the second best is near, but no tie. */
const isNear = ({ top: [best, second] }: Tokens[number]) =>
  best.logprob - second.logprob > 0.55 && best.logprob - second.logprob < 0.8;

/** A server, the right one if no other, but for one token, with which that answer ends. */
function otherwise(change: (token: Tokens[number]) => Tokens[number], server = right): Server {
  let isChanged = false;
  const complete = async (prompt: string, maxTokens: number) => {
    const answer = await server.complete(prompt, maxTokens);
    const at = answer.tokens?.findIndex(isNear) ?? -1;
    if (isChanged || !answer.tokens || at < 0) return answer;
    isChanged = true;
    const tokens = [...answer.tokens.slice(0, at), change(answer.tokens[at])];
    return { ...answer, tokens, text: tokens.map(({ text }) => text).join('') };
  };
  return { complete, chat: server.chat.bind(server), tokenize: async () => undefined };
}

it('calls a choice against the own numbers a matter of sampling', async () => {
  const server = otherwise(({ top }) => ({ ...top[1], top }));
  const { verdict, findings } = await verifyServer(server, reference);
  expect([verdict, findings[0]]).toEqual(['wrong-sampling', expect.stringContaining('temperature 0')]);
});

it('calls it so where the numbers are like those of no program that is tried', async () => {
  const model = await served({ logits: wave(12.9898) });
  const noisy = new FaultyServer(model, reference.tokenizer);
  const of = (server: Server) => verifyServer(server, reference);
  const { verdict, findings } = await of(otherwise(({ top }) => ({ ...top[1], top }), noisy));
  expect([verdict, findings[0]]).toEqual(['wrong-sampling', expect.stringContaining('temperature 0')]);
  expect((await of(noisy)).verdict).toBe('cannot-judge');
  await model.close();
});

it('adds up what coarse arithmetic of two kinds makes', async () => {
  const coarser = [
    { name: 'fewer bits', load: () => served({ logits: wave(12.9898) }) },
    { name: 'fewer still', load: () => served({ logits: wave(78.233) }) },
  ];
  const model = await served({ logits: (x, size) => wave(12.9898)(wave(78.233)(x, size), size) });
  const server = new FaultyServer(model, reference.tokenizer);
  const { verdict, nearest } = await verifyServer(server, { ...reference, coarser });
  await model.close();
  expect([verdict, nearest?.name]).toEqual(['right-quantised', 'fewer still and fewer bits']);
  expect(nearest?.likeness).toBeGreaterThan(0.999);
});

it('calls a choice by other numbers a wrong model', async () => {
  const server = otherwise(({ top }) => {
    const swapped = [
      { ...top[1], logprob: top[0].logprob },

      { ...top[0], logprob: top[1].logprob },
      ...top.slice(2),
    ];
    return { ...swapped[0], top: swapped };
  });
  const { verdict, findings } = await verifyServer(server, reference);
  expect([verdict, findings[0]]).toEqual(['wrong-model', expect.stringContaining('decode')]);
});
