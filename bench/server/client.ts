// One client of a server: asks for a completion, reads its stream, and writes down when what came.

/** What a request for ids looks like to both servers: greedy, to the last token, without a cache of prompts. */
export interface Ask {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  /** Give up after so many events: a client that hangs up. */
  readonly hangUpAfter?: number;
  readonly usesCache?: boolean;
}

export interface Heard {
  readonly text: string;
  readonly tokens: number;
  /** Milliseconds to the first token, and between one and the next. */
  readonly firstMs: number;
  readonly gapsMs: readonly number[];
}

/** @throws Error for an answer that is not 200 */
export async function ask(url: string, { prompt, maxTokens, hangUpAfter, usesCache }: Ask): Promise<Heard> {
  const begin = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'smollm2',
      prompt,
      max_tokens: maxTokens,
      temperature: 0,
      seed: 1,
      stream: true,
      stream_options: { include_usage: true },
      ignore_eos: true,
      cache_prompt: usesCache ?? false,
    }),
  });
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  let rest = '';
  let text = '';
  let firstMs = 0;
  let last = 0;
  let tokens = 0;
  let events = 0;
  const gapsMs: number[] = [];
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    const pieces = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      if (!piece.startsWith('data: ') || piece === 'data: [DONE]') continue;
      const event = JSON.parse(piece.slice(6));
      if (event.error) throw new Error(JSON.stringify(event.error));
      tokens = event.usage?.completion_tokens ?? tokens;
      if (!event.choices?.length) continue;
      text += event.choices[0].text;
      const now = performance.now();
      if (last === 0) firstMs = now - begin;
      else gapsMs.push(now - last);
      last = now;
      if (++events === hangUpAfter) return { text, tokens: events, firstMs, gapsMs }; // the stream is cancelled
    }
  }
  return { text, tokens, firstMs, gapsMs };
}

/** Ids by a small congruential generator, the same everywhere. */
export function promptOf(length: number, seed: number, vocabSize: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return 300 + Math.floor((state / 2 ** 32) * (vocabSize - 300));
  });
}

/** `clients` at a time, each the next one when it has its answer. */
export async function closedLoop(
  clients: number,
  requests: number,
  one: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < requests) await one(next++);
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** The value below which the fraction `part` of the others lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
