import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { Ollama } from 'ollama';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';

const ANSWER = 'Gravity is a fundamental concept';
const question = 'What is gravity?';
const configuration = { baseURL: `${inject('url')}/v1` };
const shape = z.object({ topic: z.enum(['physics', 'art']), isForce: z.boolean() });

describe('@langchain/openai', () => {
  const model = (maxTokens) =>
    new ChatOpenAI({
      model: 'served',
      apiKey: inject('key'),
      configuration,
      temperature: 0,
      maxTokens,
      maxRetries: 0,
    });

  it('answers, whole and streamed', async () => {
    expect((await model(6).invoke(question)).content).toBe(ANSWER);
    const pieces = [];
    for await (const piece of await model(6).stream(question)) pieces.push(piece.content);
    expect(pieces.join('')).toBe(ANSWER);
  });

  it.each(['jsonSchema', 'functionCalling'])('gives structured output by %s', async (method) => {
    const value = await model(80).withStructuredOutput(shape, { method, name: 'answer' }).invoke(question);
    expect(shape.safeParse(value).success).toBe(true);
  });

  it('embeds', async () => {
    const embeddings = new OpenAIEmbeddings({ model: 'served', apiKey: inject('key'), configuration });
    expect(await embeddings.embedQuery('one')).toHaveLength(576);
  });
});

describe('ollama', () => {
  const client = new Ollama({
    host: inject('url'),
    headers: { authorization: `Bearer ${inject('key')}` },
  });
  const options = { temperature: 0, num_predict: 6 };
  const messages = [{ role: 'user', content: question }];

  it('lists, shows, chats, generates, embeds', async () => {
    expect((await client.list()).models).toHaveLength(1);
    expect((await client.show({ model: 'served' })).capabilities).toContain('completion');
    const { message } = await client.chat({ model: 'served', messages, options });
    expect(message.content).toBe(ANSWER);
    const pieces = [];
    for await (const piece of await client.chat({ model: 'served', messages, options, stream: true })) {
      pieces.push(piece.message.content);
    }
    expect(pieces.join('')).toBe(ANSWER);
    expect((await client.generate({ model: 'served', prompt: question, options })).response).toBe(ANSWER);
    expect((await client.embed({ model: 'served', input: ['a', 'b'] })).embeddings).toHaveLength(2);
  });

  it('answers in a format', async () => {
    const { message } = await client.chat({
      model: 'served',
      messages,
      format: z.toJSONSchema(shape),
      options: { temperature: 0, num_predict: 60 },
    });
    expect(shape.safeParse(JSON.parse(message.content)).success).toBe(true);
  });
});
