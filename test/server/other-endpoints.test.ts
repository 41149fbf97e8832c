import { describe, expect, it } from 'vitest';
import { eventsOf, get, post, serverOf, smol } from './served.ts';

const prompt = 'To be, or not';
const ids = smol.tokenizer.encode(prompt);
const greedy = { prompt, max_tokens: 5, temperature: 0 };

describe('/v1/completions', () => {
  it('continues texts and ids alike, several at once, choice after choice', { tags: ['slow'] }, async () => {
    const alone = await post('/v1/completions', greedy);
    const several = await post('/v1/completions', {
      ...greedy,
      prompt: [ids, smol.tokenizer.encode('Ay')],
      n: 2,
    });
    expect(several.json.choices.map((one: { index: number }) => one.index)).toEqual([0, 1, 2, 3]);
    expect(several.json.choices[0].text).toBe(alone.json.choices[0].text);
    expect(several.json.choices[1].text).toBe(alone.json.choices[0].text);
    expect(several.json.usage.prompt_tokens).toBe(ids.length + 2);
    expect(several.json.usage.completion_tokens).toBe(20);
  });

  it('echoes a prompt with the log-probabilities of score(), the likeliest with the same number', async () => {
    const { json } = await post('/v1/completions', { ...greedy, max_tokens: 0, echo: true, logprobs: 1 });
    const [{ text, logprobs, finish_reason }] = json.choices;
    expect([text, finish_reason, json.usage.completion_tokens]).toEqual([prompt, 'length', 0]);
    const [{ logprobs: own }] = await smol.score([prompt]);
    expect(logprobs.token_logprobs).toEqual([null, ...own]);
    expect(logprobs.top_logprobs[0]).toBeNull();
    expect(logprobs.text_offset).toEqual(ids.map((_, i) => i));
    for (const [i, top] of logprobs.top_logprobs.entries()) {
      if (i > 0) expect(top[logprobs.tokens[i]]).toBe(logprobs.token_logprobs[i]);
    }
  });

  it('counts the token that ends the answer, so that a harness finds one for each', async () => {
    const { json } = await post('/v1/completions', {
      ...greedy,
      max_tokens: 1,
      echo: true,
      logprobs: 1,
      logit_bias: { 2: 100 },
    });
    expect(json.choices[0].logprobs.tokens).toHaveLength(ids.length + 1);
    expect(json.choices[0].logprobs.tokens.at(-1)).toBe('<|im_end|>');
    expect(json.choices[0].finish_reason).toBe('stop');
    expect(json.usage.completion_tokens).toBe(0);
  });

  it('streams the same text', async () => {
    const whole = await post('/v1/completions', { ...greedy, echo: true });
    const events = eventsOf((await post('/v1/completions', { ...greedy, echo: true, stream: true })).text);
    const text = events.slice(0, -1).map(({ choices }) => choices[0].text);
    expect(text.join('')).toBe(whole.json.choices[0].text);
    expect(events.at(-2).choices[0].finish_reason).toBe('length');
  });

  it.each<[object, string]>([
    [{ prompt: '' }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [1, -1] }, 'prompt[1]'],
    [{ prompt: [[1, 1e9]] }, 'prompt[0][1]'],
    [{ prompt: ['a', 3] }, 'prompt[1]'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ best_of: 3 }, 'best_of'],
    [{ logprobs: 6 }, 'logprobs'],
    [{ suffix: 'x' }, 'suffix'],
    [{ prompt: Array(64).fill('a'), n: 16 }, 'n'],
  ])('refuses %j', async (change, param) => {
    const { status, json } = await post('/v1/completions', { ...greedy, ...change });
    expect([status, json.error.param]).toEqual([400, param]);
  });

  it('takes what fits the context to the last id, with what room is left for an answer', async () => {
    const { maxSeqLen } = smol.model;
    const longest = Array(maxSeqLen).fill(5);
    const answer = await post('/v1/completions', { prompt: longest });
    expect(answer.json.usage.completion_tokens).toBeLessThanOrEqual(1);
    const input = { input: longest };
    expect((await post('/v1/embeddings', input)).status).toBe(200);
    const long = [...longest, 5];
    for (const [path, body] of [
      ['/v1/embeddings', { input: long }],
      ['/v1/completions', { prompt: long, echo: true, max_tokens: 0 }],
    ] as const) {
      const { json } = await post(path, body);
      expect(json.error).toMatchObject({ n_prompt_tokens: maxSeqLen + 1, n_ctx: maxSeqLen });
      expect(json.error.message).not.toContain('answer');
    }
  });
});

describe('/v1/embeddings', () => {
  it('gives the vectors of embed(), in numbers and in base64', async () => {
    const [own] = await smol.embed([prompt]);
    const { json } = await post('/v1/embeddings', { input: [prompt, 'Ay'] });
    expect(json.data[0].embedding).toEqual([...own]);
    expect(json.usage).toEqual({ prompt_tokens: ids.length + 2, total_tokens: ids.length + 2 });
    const packed = await post('/v1/embeddings', { input: ids, encoding_format: 'base64' });
    const bytes = Uint8Array.from(atob(packed.json.data[0].embedding), (c) => c.charCodeAt(0));
    expect(new Float32Array(bytes.buffer)).toEqual(own);
  });

  it.each([
    { input: [] },
    { input: '' },
    { input: 'x', encoding_format: 'png' },
    { input: 'x', dimensions: 7 },
    {},
  ])('refuses %j', async (body) => {
    expect((await post('/v1/embeddings', body)).status).toBe(400);
  });
});

describe('/v1/responses', () => {
  const ask = { input: 'Hi', max_output_tokens: 6, temperature: 0 };

  it('says the same as chat, and that it was cut', { tags: ['slow'] }, async () => {
    const chat = await post('/v1/chat/completions', {
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 6,
      temperature: 0,
    });
    const { json } = await post('/v1/responses', ask);
    expect(json.output[0].content[0].text).toBe(chat.json.choices[0].message.content);
    expect([json.status, json.incomplete_details.reason]).toEqual(['incomplete', 'max_output_tokens']);
    expect(json.usage.output_tokens).toBe(6);
  });

  it('streams events in order, whose last has the whole', async () => {
    const events = eventsOf((await post('/v1/responses', { ...ask, stream: true })).text);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual([...events.keys()]);
    const types = events.map(({ type }) => type).filter((type) => type !== 'response.output_text.delta');
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
    const text = deltas.map(({ delta }) => delta).join('');
    expect(events.at(-1).response.output[0].content[0].text).toBe(text);
  });

  it('takes calls and what they gave as input, and instructions', async () => {
    const input = [
      { role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { type: 'function_call', call_id: 'c', name: 'look', arguments: '{broken' },
      { type: 'function_call_output', call_id: 'c', output: '42' },
    ];
    expect((await post('/v1/responses', { ...ask, input, instructions: 'Be kind' })).status).toBe(200);
  });

  it.each([
    { previous_response_id: 'resp_1' },
    { conversation: 'c' },
    { background: true },
    { truncation: 'auto' },
    { truncation: 'banana' },
    { metadata: 5 },
    { include: ['banana'] },
    { n: 2 },
    { response_format: { type: 'json_object' } },
    { grammar: 'root ::= "a"' },
    { top_logprobs: 99 },
    { input: [] },
    { input: [{ type: 'item_reference', id: 'x' }] },
  ])('refuses %j', async (change) => {
    expect((await post('/v1/responses', { ...ask, ...change })).status).toBe(400);
  });
});

it('names what is missing of a call in the input', async () => {
  const input = [{ type: 'function_call', call_id: 'c', name: 'look' }];
  expect((await post('/v1/responses', { input })).json.error.param).toBe('input[0].arguments');
});

describe('texts and ids', () => {
  it('speaks the forms of llama.cpp and of vLLM', async () => {
    expect((await post('/tokenize', { content: prompt })).json.tokens).toEqual(ids);
    const vllm = await post('/tokenize', { prompt, add_special_tokens: false });
    expect(vllm.json).toMatchObject({ tokens: ids, count: ids.length });
    const pieces = await post('/tokenize', { content: 'Ay', with_pieces: true });
    expect(pieces.json.tokens.map((one: { piece: string }) => one.piece)).toEqual(['A', 'y']);
    expect((await post('/detokenize', { tokens: ids })).json).toEqual({ content: prompt, prompt });
    expect((await post('/detokenize', { tokens: [1e6] })).json.error.param).toBe('tokens[0]');
  });

  it('shows special tokens as such, or letter by letter', async () => {
    expect((await post('/tokenize', { content: '<|im_end|>' })).json.tokens).toEqual([2]);
    const plain = await post('/tokenize', { content: '<|im_end|>', parse_special: false });
    expect(plain.json.tokens).not.toContain(2);
  });

  it('renders a conversation', async () => {
    const { json } = await post('/apply-template', { messages: [{ role: 'user', content: 'Hi' }] });
    expect(json.prompt).toBe('<|im_start|>user\nHi<|im_end|><|im_start|>a');
    expect((await get('/tokenizer_info')).json).toMatchObject({ eos_token: '<|im_end|>' });
  });
});

describe("Ollama's API", () => {
  const options = { temperature: 0, num_predict: 5 };

  it('streams lines by default, the last with done and counts', async () => {
    const { text, headers } = await post('/api/chat', {
      messages: [{ role: 'user', content: 'Hi' }],
      options,
    });
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ done: true, done_reason: 'length', eval_count: 5 });
    const said = lines.map(({ message }) => message.content).join('');
    const chat = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 5, temperature: 0 };
    expect(said).toBe((await post('/v1/chat/completions', chat)).json.choices[0].message.content);
  });

  it('generates, embeds, shows and lists', async () => {
    const raw = await post('/api/generate', { prompt, raw: true, stream: false, options });
    expect(raw.json.response).toBe((await post('/v1/completions', greedy)).json.choices[0].text);
    expect((await post('/api/embed', { input: ['a', 'b'] })).json.embeddings).toHaveLength(2);
    expect((await post('/api/show', { model: 'smollm2:latest' })).json.capabilities).toContain('tools');
    expect((await get('/api/tags')).json.models[0].name).toBe('smollm2');
  });

  it('writes errors as it does', async () => {
    const { status, json } = await post('/api/chat', { model: 'other', messages: [] });
    expect([status, typeof json.error]).toEqual([404, 'string']);
    expect(typeof (await get('/api/nothing')).json.error).toBe('string');
    const server = await serverOf({ keys: ['one'], queue: 0, parallel: 1 });
    expect((await post('/api/chat', {}, { server })).json.error).toMatch(/key/);
    const input = ['a', 'b'];
    const full = await post('/api/embed', { input }, { server, headers: { 'x-api-key': 'one' } });
    expect([full.status, full.headers.get('retry-after'), typeof full.json.error]).toEqual([
      429,
      '1',
      'string',
    ]);
  });

  it('refuses images, which it cannot see', async () => {
    const { status } = await post('/api/chat', {
      messages: [{ role: 'user', content: 'Hi', images: ['x'] }],
    });
    expect(status).toBe(400);
  });
});
