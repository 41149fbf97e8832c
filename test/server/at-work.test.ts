// What a server shows of answers at work and of what it keeps: /slots, /metrics, cached tokens.

import { describe, expect, it } from 'vitest';
import { get, post, serverOf, user } from './served.ts';

const chat = '/v1/chat/completions';
const ask = { messages: user('Hi, what is this?'), max_tokens: 3, temperature: 0 };
const cachedOf = ({ json }: Awaited<ReturnType<typeof post>>) =>
  json.usage.prompt_tokens_details.cached_tokens as number;

/** The value of a line of /metrics. */
async function metric(server: Awaited<ReturnType<typeof serverOf>>, name: string): Promise<number> {
  const { text } = await get('/metrics', server);
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

describe('cache_prompt', () => {
  it('false neither uses what was kept nor keeps anything', { tags: ['slow'] }, async () => {
    const server = await serverOf();
    const own = { ...ask, cache_prompt: false };
    expect(cachedOf(await post(chat, own, { server }))).toBe(0);
    expect(cachedOf(await post(chat, ask, { server }))).toBe(0);
    expect(cachedOf(await post(chat, own, { server }))).toBe(0);
    const reused = await post(chat, ask, { server });
    expect(cachedOf(reused)).toBeGreaterThan(10);
    const completion = { prompt: 'one two three four', max_tokens: 2, temperature: 0 };
    for (const more of [{ echo: true, logprobs: 1 }, {}]) {
      await post('/v1/completions', { ...completion, ...more, cache_prompt: false }, { server });
    }
    expect(cachedOf(await post('/v1/completions', completion, { server }))).toBe(0);
    expect((await post(chat, { ...ask, cache_prompt: 1 }, { server })).json.error.param).toBe('cache_prompt');
  });
});

describe('answers at work', () => {
  const long = { ...ask, max_tokens: undefined, ignore_eos: true, stream: true };
  it.each([
    [false, undefined],
    [true, expect.stringContaining('what is this?')],
  ])(
    'stand in /slots, with their prompts only where the server was told to (%s)',
    async (showPrompts, shown) => {
      const server = await serverOf({ parallel: 2, showPrompts });
      const request = new Request(`http://localhost${chat}`, { method: 'POST', body: JSON.stringify(long) });
      const reader = (await server.fetch(request)).body!.getReader();
      for (let n = 0; n < 3; n++) await reader.read();
      const { json } = await get('/slots', server);
      expect(json).toHaveLength(2);
      expect(json[0].is_processing).toBe(true);
      expect(json[0].next_token.n_decoded).toBeGreaterThan(0);
      expect(json[0].n_past).toBeGreaterThan(10);
      expect(json[0].prompt).toEqual(shown);
      expect(json[1]).toMatchObject({ id: 1, is_processing: false });
      expect(await metric(server, 'vllm:kv_cache_usage_perc')).toBeGreaterThan(0);
      expect(await metric(server, 'smollm2_cache_bytes{state="running"}')).toBeGreaterThan(0);
      await reader.cancel();
      while ((await metric(server, 'smollm2_num_requests_running')) > 0);
      expect((await get('/slots', server)).json[0]).toEqual({
        id: 0,
        n_ctx: json[0].n_ctx,
        is_processing: false,
      });
      expect(await metric(server, 'vllm:kv_cache_usage_perc')).toBe(0);
      expect(await metric(server, 'smollm2_aborted_total{why="hung up"}')).toBe(1);
    },
  );

  it('are counted pass by pass, with their masks and what is kept of them', async () => {
    const server = await serverOf();
    await post(chat, { ...ask, max_tokens: 8, grammar: 'root ::= [a-z]+' }, { server });
    const passes = await metric(server, 'llamacpp:n_decode_total');
    expect(passes).toBeGreaterThan(1);
    for (const name of ['smollm2_pass_seconds', 'smollm2_batch_rows']) {
      expect(await metric(server, `${name}_count`)).toBe(passes);
      expect(await metric(server, `${name}_bucket{le="+Inf"}`)).toBe(passes);
    }
    expect(await metric(server, 'llamacpp:n_busy_slots_per_decode')).toBe(1);
    expect(await metric(server, 'smollm2_mask_seconds_count')).toBeGreaterThan(1);
    expect(await metric(server, 'smollm2_cache_bytes{state="kept"}')).toBeGreaterThan(0);
  });
});
