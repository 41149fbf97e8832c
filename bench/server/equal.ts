// Whether an answer depends on who else is served: the same questions asked in every company, each answer hashed with
// everything it says (texts, calls, log-probabilities), and compared with the one that was computed alone.

import { createHash } from 'node:crypto';
import { closedLoop, promptOf } from './client.ts';

/** A request: its path and its body. */
export interface Question {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface EqualOptions {
  readonly url: string;
  /** Ids of prompts are below this. */
  readonly vocabSize: number;
  /** Longest prompt beside the others, in ids. */
  readonly longPrompt: number;
  /** Whether the model has a chat template. */
  readonly chats: boolean;
  readonly newTokens: number;
}

/** One company in which all questions were asked. */
export interface Round {
  readonly name: string;
  /** Of all answers, in the order of the questions. */
  readonly hash: string;
  /** Answers that differ from those given alone. */
  readonly numDifferent: number;
}

const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, isTrue: { type: 'boolean' } },
  required: ['name', 'isTrue'],
  additionalProperties: false,
};

const WORDS = ['gravity', 'bread', 'the sea', 'a lamp', 'rain', 'an old tree', 'music', 'the number seven'];

/** Greedy and drawn, echoed, in a form, several at once; prompts that begin alike and others. */
export function questionsOf({ vocabSize, chats, newTokens }: EqualOptions): Question[] {
  const completion = (body: object): Question => ({
    path: '/v1/completions',
    body: { max_tokens: newTokens, logprobs: 5, ...body },
  });
  const chat = (content: string, body: object): Question => ({
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content }], max_tokens: newTokens, ...body },
  });
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA } };
  const start = promptOf(40, 1, vocabSize);
  return WORDS.flatMap((word, n) => [
    completion({ prompt: promptOf(5 + 9 * n, 100 + n, vocabSize), temperature: 0 }),
    completion({
      prompt: [...start, ...promptOf(n, n, vocabSize)],
      temperature: 1,
      seed: n,
      ignore_eos: true,
    }),
    completion({ prompt: promptOf(12 + n, n, vocabSize), echo: true, max_tokens: n % 2, temperature: 0 }),
    completion({ prompt: start, n: 2, temperature: 0.7, top_p: 0.9, seed: 7 + n }),
    completion({ prompt: start, response_format: format, max_tokens: 40, seed: n }),
    ...(chats
      ? [
          chat(`Say something about ${word}.`, { logprobs: true, top_logprobs: 3, seed: n }),
          chat(`Describe ${word}.`, { response_format: format, max_tokens: 60, temperature: 0.5, seed: n }),
        ]
      : []),
  ]);
}

/** What an answer says, without its id, its time and what was found in caches. */
function saidBy(text: string): string {
  const { choices } = JSON.parse(text) as { choices: unknown };
  return JSON.stringify(choices);
}

async function post(url: string, { path, body }: Question, signal?: AbortSignal): Promise<string> {
  const response = await fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return saidBy(text);
}

const hashOf = (texts: readonly string[]) =>
  createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16);

/** All questions in every company. The first round is each of them alone, without any cache. */
export async function equalAnswers(
  options: EqualOptions,
  clients: readonly number[],
  tell: (round: Round) => void = () => {},
): Promise<Round[]> {
  const { url, vocabSize, longPrompt } = options;
  const questions = questionsOf(options);
  const rounds: Round[] = [];
  let alone: string[] | undefined;
  const round = async (name: string, numClients: number, more: object, beside?: () => Promise<void>) => {
    const said: string[] = questions.map(() => '');
    let numDifferent = 0;
    const total = questions.length * Math.ceil(numClients / questions.length);
    let isOver = false;
    const company = async () => {
      while (beside && !isOver) await beside();
    };
    const others = company();
    await closedLoop(numClients, total, async (index) => {
      // Another order for every number of clients: neighbours differ too.
      const n = (index * 11 + numClients) % questions.length;
      const text = await post(url, { ...questions[n], body: { ...questions[n].body, ...more } });
      if (alone && text !== alone[n]) numDifferent++;
      said[n] = text;
    });
    isOver = true;
    await others;
    alone ??= said;
    rounds.push({ name, hash: hashOf(said), numDifferent });
    tell(rounds[rounds.length - 1]);
  };
  const long = (seed: number): Question => ({
    path: '/v1/completions',
    body: { prompt: promptOf(longPrompt, seed, vocabSize), max_tokens: 1, cache_prompt: false },
  });
  const own = { cache_prompt: false };
  await round('alone, no cache', 1, own);
  await round('alone, prefix cache', 1, {});
  for (const count of clients) {
    await round(`${count} clients, no cache`, count, own);
    await round(`${count} clients, prefix cache`, count, {});
  }
  let seed = 1000;
  const most = Math.max(...clients);
  await round(`${most} clients, long prompts beside`, most, {}, async () => {
    await post(url, long(seed++));
  });
  await round(`${most} clients, others hang up beside`, most, {}, async () => {
    const { body } = questions[(seed * 5) % questions.length];
    const stop = new AbortController();
    const left = post(url, { path: '/v1/completions', body: { ...long(seed).body, ...body } }, stop.signal);
    setTimeout(() => stop.abort(), 5 + (seed++ % 40));
    await left.catch(() => undefined);
  });
  await round('alone again', 1, {});
  return rounds;
}
