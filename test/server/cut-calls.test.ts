// Calls that the length cuts. The tiny model has no brace to close an object with; the nano model has, but no template.

import { expect, it } from 'vitest';
import { ChatTemplate } from '../../src/chat/template.ts';
import { load } from '../../src/node/index.ts';
import { app } from '../../src/server/app.ts';
import { eventsOf, post, user } from './served.ts';

const path = new URL('../../models/nano.gguf', import.meta.url).pathname;
const nano = await load(path, { engine: 'wasm', threads: 1 });
const template = new ChatTemplate("{% for m in messages %}{{ m['content'] }}{% endfor %}", {});
const server = app(Object.defineProperty(nano, 'template', { value: template }));
await server.ready();

it('shows nothing of a call that is cut in its tag', async () => {
  const tools = [{ type: 'function', function: { name: 'look' } }];
  const asked = { tools, tool_choice: 'required', temperature: 0 };
  const cut = { ...asked, messages: user('Hi'), max_tokens: 3, logprobs: true };
  const { json } = await post('/v1/chat/completions', cut, { server });
  expect(json.choices[0]).toMatchObject({ message: { content: null }, finish_reason: 'length' });
  const stream = await post('/v1/chat/completions', { ...cut, stream: true }, { server });
  const events = eventsOf(stream.text);
  const deltas = events.slice(0, -1).map(({ choices }) => choices[0].delta);
  expect(deltas).toEqual([{ role: 'assistant', content: null }, {}]);
  const response = await post('/v1/responses', { ...asked, input: 'Hi', max_output_tokens: 3 }, { server });
  expect(response.json.output[0].content[0].text).toBe('');
});
