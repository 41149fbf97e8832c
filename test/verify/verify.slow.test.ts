// verify against our own engine behind the interface of a server. Servers with each fault: test/live/verify-servers.

import { afterAll, describe, expect, it } from 'vitest';
import { verifyServer } from '../../src/verify/verify.ts';
import { WRONG_TEMPLATES } from '../../src/verify/verify-prompts.ts';
import { checkpoint, load, loaded, model, reference, serverOf } from '../support/served-model.ts';

afterAll(() => model.close());

describe('verifyServer', () => {
  it('finds itself right, to the digits that float32 has', async () => {
    const { verdict, texts } = await verifyServer(serverOf(model), reference);
    expect(verdict).toBe('right');
    expect(texts.rms).toBeLessThan(1e-5);
    expect(texts.numGreedy).toBe(texts.numChosen);
  });

  it('does not judge short texts without log-probabilities: a small fault may say the same', async () => {
    const { verdict, findings } = await verifyServer(serverOf(model, { logprobs: false }), reference);
    expect(verdict).toBe('cannot-judge');
    expect(findings[0]).toMatch(/(\d+) of its \1 greedy tokens are ours: so may a quantised model/);
  });

  it('finds itself right by words that are all the same, one text of 600 tokens among them', async () => {
    const longer = await loaded(checkpoint, 768);
    const server = serverOf(longer, { logprobs: false });
    const { verdict, findings } = await verifyServer(server, { ...reference, model: longer });
    await longer.close();
    expect(verdict).toBe('right-quantised');
    expect(findings[0]).toContain('how exact cannot be said');
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
