// What a served token costs besides its pass, without a socket: how long no pass runs while answers are drawn in several
// ways, with all threads and with one fewer, and what guesses by lookup save.

import { type GenerateOptions, load, type SmolLM2 } from '../../src/node/index.ts';

const NEW_TOKENS = 24;
const COPY = 'Repeat this three times: The museum opens at nine and closes at five on all days but Monday.';
const TELL = 'Tell me about the sea.';

export async function inside(model: string): Promise<void> {
  console.log('| threads | answers | drawn | tok/s | passes | outside of passes |');
  console.log('| ---: | ---: | --- | ---: | ---: | ---: |');
  const all = await load(model, { maxSeqLen: 1024 });
  const { numThreads } = all.model;
  const ways: [string, GenerateOptions][] = [
    ['greedy', { temperature: 0 }],
    ['temperature 0.2, top-p 0.9', { temperature: 0.2, topP: 0.9 }],
    ['temperature 1', { temperature: 1 }],
    ['greedy, 5 log-probabilities', { temperature: 0, logprobs: 5 }],
  ];
  for (const count of [1, 16]) for (const way of ways) await shown(all, count, way);
  for (const text of [COPY, TELL]) {
    for (const lookup of [0, 8]) {
      const what = `${text === COPY ? 'copying' : 'telling'}, ${lookup} guesses`;
      await shown(all, 1, [what, { temperature: 0, lookup, maxTokens: 72 }], text);
    }
  }
  await all.close();
  if (numThreads === 1) return;
  const fewer = await load(model, { maxSeqLen: 1024, threads: numThreads - 1 });
  for (const count of [1, 16]) await shown(fewer, count, ways[0]);
  await fewer.close();
}

/** One line of the table. */
async function shown(
  smol: SmolLM2,
  count: number,
  [name, options]: [string, GenerateOptions],
  text?: string,
): Promise<void> {
  let passes = 0;
  let passMs = 0;
  let isOver = false;
  smol.model.onPass?.(({ ms }) => {
    if (isOver) return;
    passes++;
    passMs += ms;
  });
  let tokens = 0;
  const begin = performance.now();
  const one = async (n: number) => {
    const given = { maxTokens: NEW_TOKENS, ignoreEos: true, seed: n, ...options };
    for await (const _ of smol.chat(text ?? `What is the number ${n} made of?`, given)) tokens++;
  };
  await Promise.all(Array.from({ length: count }, (_, n) => one(n)));
  const ms = performance.now() - begin;
  isOver = true;
  const rate = ((1000 * tokens) / ms).toFixed(1);
  const outside = `${((100 * (ms - passMs)) / ms).toFixed(1)} %`;
  console.log(`| ${[smol.model.numThreads, count, name, rate, passes, outside].join(' | ')} |`);
}
