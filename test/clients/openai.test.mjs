import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { describe, expect, inject, it } from 'vitest';
import { z } from 'zod';

const model = 'served';
const client = new OpenAI({ baseURL: `${inject('url')}/v1`, apiKey: inject('key'), maxRetries: 0 });
const messages = [{ role: 'user', content: 'What is gravity?' }];
const greedy = { model, messages, temperature: 0, max_tokens: 6 };
const ANSWER = 'Gravity is a fundamental concept';

describe('openai', () => {
  it('lists and retrieves models', async () => {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    expect(ids).toContain(model);
    expect((await client.models.retrieve(model)).id).toBe(model);
  });

  it('chats, whole and streamed, with usage and log-probabilities', async () => {
    const whole = await client.chat.completions.create({ ...greedy, logprobs: true, top_logprobs: 2 });
    expect(whole.choices[0].message.content).toBe(ANSWER);
    expect(whole.choices[0].logprobs.content.map(({ token }) => token).join('')).toBe(ANSWER);
    expect(whole.usage.completion_tokens).toBe(6);
    const stream = client.chat.completions.stream({ ...greedy, stream_options: { include_usage: true } });
    const last = await stream.finalChatCompletion();
    expect(last.choices[0].message.content).toBe(ANSWER);
    // The same prompt again: what was kept of the first is found.
    expect(last.usage).toEqual({ ...whole.usage, prompt_tokens_details: { cached_tokens: 33 } });
  });

  it('parses structured output', async () => {
    const shape = z.object({ topic: z.enum(['physics', 'art']), isForce: z.boolean() });
    const answer = await client.chat.completions.parse({
      ...greedy,
      max_tokens: 60,
      response_format: zodResponseFormat(shape, 'answer'),
    });
    expect(shape.safeParse(answer.choices[0].message.parsed).success).toBe(true);
  });

  const tools = [
    {
      type: 'function',
      function: {
        name: 'weather',
        description: 'The weather of a city',
        parameters: { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] },
      },
    },
  ];

  it('calls a tool that it must call, whole and streamed alike', async () => {
    const ask = { ...greedy, max_tokens: 80, tools, tool_choice: 'required', seed: 3 };
    const whole = await client.chat.completions.create(ask);
    const [call] = whole.choices[0].message.tool_calls;
    expect(whole.choices[0].finish_reason).toBe('tool_calls');
    expect(call.function.name).toBe('weather');
    expect(['Paris', 'Rome']).toContain(JSON.parse(call.function.arguments).city);
    const streamed = await client.chat.completions.stream(ask).finalChatCompletion();
    expect(streamed.choices[0].message.tool_calls).toMatchObject([call]);
    const answered = await client.chat.completions.create({
      ...greedy,
      messages: [
        ...messages,
        whole.choices[0].message,
        { role: 'tool', tool_call_id: call.id, content: 'Sunny' },
      ],
      tools,
    });
    expect(answered.choices[0].message.role).toBe('assistant');
  });

  it('completes, with echo and log-probabilities', async () => {
    const { choices } = await client.completions.create({
      model,
      prompt: 'Gravity is',
      max_tokens: 0,
      echo: true,
      logprobs: 1,
    });
    expect(choices[0].text).toBe('Gravity is');
    expect(choices[0].logprobs.tokens).toHaveLength(3);
  });

  it('embeds in base64, as it asks by itself, and in numbers', async () => {
    const packed = await client.embeddings.create({ model, input: 'Gravity is' });
    const plain = await client.embeddings.create({ model, input: 'Gravity is', encoding_format: 'float' });
    expect(packed.data[0].embedding).toEqual(plain.data[0].embedding.map(Math.fround));
  });

  it('responds, whole and streamed', async () => {
    const ask = { model, input: 'What is gravity?', temperature: 0, max_output_tokens: 6 };
    expect((await client.responses.create(ask)).output_text).toBe(ANSWER);
    const last = await client.responses.stream(ask).finalResponse();
    expect([last.output_text, last.status]).toEqual([ANSWER, 'incomplete']);
  });

  it('throws its own errors', async () => {
    const failed = (change) =>
      client.chat.completions.create({ ...greedy, ...change }).catch((error) => error);
    expect(await failed({ temperature: -1 })).toBeInstanceOf(OpenAI.BadRequestError);
    expect(await failed({ model: 'other' })).toBeInstanceOf(OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: `${inject('url')}/v1`, apiKey: 'wrong', maxRetries: 0 });
    const refused = await stranger.chat.completions.create(greedy).catch((error) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
  });
});
