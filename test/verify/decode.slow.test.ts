// Servers of the nano model that are right in all but one token: one computes it otherwise, one chooses against its own
// numbers.

import { afterAll, expect, it } from 'vitest';
import { FaultyServer, servedReference } from '../../bench/referee-servers.ts';
import { openNode } from '../../src/node/open.ts';
import type { ProbedAnswer, Server } from '../../src/verify/openai-probe.ts';
import { verifyServer } from '../../src/verify/verify.ts';

const checkpoint = await openNode('models/nano.gguf');
const reference = await servedReference(checkpoint);
const right = new FaultyServer(reference.model, reference.tokenizer);
afterAll(async () => {
  await reference.model.close();
  await checkpoint.close();
});

type Tokens = NonNullable<ProbedAnswer['tokens']>;

/** Whether the second best is near, but no tie. */
const isNear = ({ top: [best, second] }: Tokens[number]) =>
  best.logprob - second.logprob > 0.55 && best.logprob - second.logprob < 0.8;

/** The right server, but for one token, with which that answer ends. */
function otherwise(change: (token: Tokens[number]) => Tokens[number]): Server {
  let isChanged = false;
  const complete = async (prompt: string, maxTokens: number) => {
    const answer = await right.complete(prompt, maxTokens);
    const at = answer.tokens?.findIndex(isNear) ?? -1;
    if (isChanged || !answer.tokens || at < 0) return answer;
    isChanged = true;
    const tokens = [...answer.tokens.slice(0, at), change(answer.tokens[at])];
    return { ...answer, tokens, text: tokens.map(({ text }) => text).join('') };
  };
  return { complete, chat: right.chat.bind(right), tokenize: async () => undefined };
}

it('calls a choice against the own numbers a matter of sampling', async () => {
  const server = otherwise(({ top }) => ({ ...top[1], top }));
  const { verdict, findings } = await verifyServer(server, reference);
  expect([verdict, findings[0]]).toEqual(['wrong-sampling', expect.stringContaining('temperature 0')]);
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
