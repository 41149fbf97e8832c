import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createOpenAICompatible as createOpenAICompatible1 } from '@ai-sdk/openai-compatible-1';
import { embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from 'ai';
import * as ai5 from 'ai-5';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { languageModel } from '../../dist/ai-sdk/language-model.js';
import { load } from '../../dist/node/index.js';
import { app } from '../../dist/server/app.js';

const prompt = 'What is gravity?';
const ANSWER = 'Gravity is a fundamental concept';
const short = { prompt, temperature: 0, maxOutputTokens: 6, maxRetries: 0 };
const shape = z.object({ topic: z.enum(['physics', 'art']), isForce: z.boolean() });

const given = {
  name: 'smollm2',
  baseURL: `${inject('url')}/v1`,
  apiKey: inject('key'),
  includeUsage: true,
  supportsStructuredOutputs: true,
};
const compatible = createOpenAICompatible(given);
const openai = createOpenAI({ baseURL: `${inject('url')}/v1`, apiKey: inject('key') });

describe.each([
  ['@ai-sdk/openai-compatible', compatible('served')],
  ['@ai-sdk/openai, chat', openai.chat('served')],
  ['@ai-sdk/openai, responses', openai.responses('served')],
])('%s', (_, model) => {
  it('answers, whole and streamed', async () => {
    const { text, usage } = await generateText({ ...short, model });
    expect([text, usage.outputTokens]).toEqual([ANSWER, 6]);
    const stream = streamText({ ...short, model });
    expect(await stream.text).toBe(ANSWER);
    expect((await stream.usage).outputTokens).toBe(6);
  });

  it('gives objects of a schema', async () => {
    const { object } = await generateObject({ ...short, maxOutputTokens: 60, model, schema: shape });
    expect(shape.safeParse(object).success).toBe(true);
  });

  it('calls a tool that it must call', async () => {
    const weather = tool({
      description: 'The weather',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
    });
    const { toolCalls, finishReason } = await generateText({
      ...short,
      maxOutputTokens: 80,
      model,
      tools: { weather },
      toolChoice: 'required',
    });
    expect(toolCalls[0].toolName).toBe('weather');
    expect(['Paris', 'Rome']).toContain(toolCalls[0].input.city);
    expect(finishReason).toBe('tool-calls');
  });
});

describe('the AI SDK', () => {
  it('embeds', async () => {
    const model = compatible.textEmbeddingModel('served');
    const { embeddings } = await embedMany({ model, values: ['one', 'two'] });
    expect(embeddings.map(({ length }) => length)).toEqual([576, 576]);
  });
});

it('the AI SDK 5 with its own packages answers, whole and streamed, gives objects and calls tools', async () => {
  const ask = { ...short, model: createOpenAICompatible1(given)('served') };
  const { text, usage } = await ai5.generateText(ask);
  expect([text, usage.outputTokens]).toEqual([ANSWER, 6]);
  expect(await ai5.streamText(ask).text).toBe(ANSWER);
  const { object } = await ai5.generateObject({ ...ask, maxOutputTokens: 60, schema: shape });
  expect(shape.safeParse(object).success).toBe(true);
  const weather = ai5.tool({ inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }) });
  const tools = { ...ask, maxOutputTokens: 80, tools: { weather }, toolChoice: 'required' };
  const { toolCalls, finishReason } = await ai5.generateText(tools);
  expect([toolCalls[0].toolName, finishReason]).toEqual(['weather', 'tool-calls']);
  expect(['Paris', 'Rome']).toContain(toolCalls[0].input.city);
});

const BOTH_VERSIONS = `
import type { LanguageModelV2, LanguageModelV3 } from '@ai-sdk/provider';
import type { LanguageModel } from 'ai';
import { languageModel } from '../../../dist/ai-sdk/language-model.js';

declare const server: Parameters<typeof languageModel>[0];
const third: LanguageModelV3 = languageModel(server);
const second: LanguageModelV2 = languageModel(server, { version: 2 });
export const both: LanguageModel[] = [third, second];
`;

describe('the AI SDK without a socket', () => {
  let smol;
  let server;
  beforeAll(async () => {
    smol = await load(process.env.SMOLLM2_TEST_WEIGHTS ?? '135m', { maxSeqLen: 1024 });
    server = app(smol);
  });
  afterAll(() => smol?.close());

  it('takes the model by its own types, in both versions', async () => {
    const root = fileURLToPath(new URL('../../', import.meta.url));
    // Beside the packages, where the compiler finds their types.
    const file = `${root}test/clients/node_modules/both-versions.ts`;
    writeFileSync(file, BOTH_VERSIONS);
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck'];
    const compiler = `${root}node_modules/typescript/bin/tsc`;
    const compile = promisify(execFile)(process.execPath, [compiler, ...flags, file]);
    expect((await compile.catch((error) => error)).stdout).toBe('');
  });

  it.each([3, 2])('asks the model in its own process, version %i', async (version) => {
    const model = languageModel(server, { version });
    const { text, usage, finishReason } = await generateText({ ...short, model });
    expect([text, usage.outputTokens, finishReason]).toEqual([ANSWER, 6, 'length']);
    const stream = streamText({ ...short, model });
    expect(await stream.text).toBe(ANSWER);
    const counted = await stream.usage;
    expect([counted.outputTokens, counted.inputTokens > 20, counted.cachedInputTokens > 20]).toEqual([
      6,
      true,
      true,
    ]);
  });

  it('gives objects of a schema, whole and as they grow', async () => {
    const model = languageModel(server);
    const ask = { ...short, maxOutputTokens: 60, model, schema: shape };
    const { object } = await generateObject(ask);
    expect(shape.safeParse(object).success).toBe(true);
    const stream = streamObject(ask);
    for await (const part of stream.partialObjectStream) expect(typeof part).toBe('object');
    expect(await stream.object).toEqual(object);
  });

  it('calls tools, and goes on from what they gave', async () => {
    const weather = tool({
      description: 'The weather',
      inputSchema: z.object({ city: z.enum(['Paris', 'Rome']) }),
      execute: ({ city }) => `sunny in ${city}`,
    });
    const model = languageModel(server);
    const ask = { ...short, maxOutputTokens: 80, model, tools: { weather } };
    const once = await generateText({ ...ask, toolChoice: { type: 'tool', toolName: 'weather' } });
    expect(once.toolResults[0].output).toMatch(/^sunny in (Paris|Rome)$/);
    expect(once.finishReason).toBe('tool-calls');
    const streamed = streamText({ ...ask, toolChoice: 'required', stopWhen: stepCountIs(1) });
    expect((await streamed.toolCalls)[0].input).toEqual(once.toolCalls[0].input);
    const messages = [{ role: 'user', content: prompt }, ...once.response.messages];
    const next = await generateText({ ...ask, prompt: undefined, messages, toolChoice: 'none' });
    expect(next.text.length).toBeGreaterThan(0);
  });

  it('refuses what the server refuses, and what is no text', async () => {
    const model = languageModel(server);
    await expect(generateText({ ...short, model, temperature: -1 })).rejects.toThrow(
      /^temperature: expected/,
    );
    const image = [{ role: 'user', content: [{ type: 'image', image: new Uint8Array([137, 80, 78, 71]) }] }];
    await expect(generateText({ ...short, prompt: undefined, model, messages: image })).rejects.toThrow(
      /text only/,
    );
    const stop = AbortSignal.abort();
    await expect(generateText({ ...short, model, abortSignal: stop })).rejects.toThrow(/abort/i);
  });
});
