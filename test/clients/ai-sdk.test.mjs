import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateObject, generateText, streamText, tool } from 'ai';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { load } from '../../dist/node/index.js';
import { app } from '../../dist/server/app.js';

const prompt = 'What is gravity?';
const ANSWER = 'Gravity is a fundamental concept';
const short = { prompt, temperature: 0, maxOutputTokens: 6, maxRetries: 0 };
const shape = z.object({ topic: z.enum(['physics', 'art']), isForce: z.boolean() });

const compatible = createOpenAICompatible({
  name: 'smollm2',
  baseURL: `${inject('url')}/v1`,
  apiKey: inject('key'),
  includeUsage: true,
  supportsStructuredOutputs: true,
});
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

describe('the AI SDK without a socket', () => {
  let smol;
  afterAll(() => smol?.close());

  it('asks the server in its own process', async () => {
    smol = await load(process.env.SMOLLM2_TEST_WEIGHTS ?? '135m', { maxSeqLen: 512 });
    const server = app(smol);
    await server.ready();
    const here = createOpenAICompatible({
      name: 'smollm2',
      baseURL: 'http://here/v1',
      fetch: (url, init) => server.fetch(new Request(url, init)),
    });
    expect((await generateText({ ...short, model: here('smollm2') })).text).toBe(ANSWER);
  });
});
