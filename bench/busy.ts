// `npm run bench:busy [-- --threads 1,2,4 --loops N --rounds N --tokens N --model M --llama FOLDER]`: one answer beside
// programs that never rest, two for each core: tokens a second by threads, and the ratios to one thread of the same
// round. FOLDER holds llama.cpp's `llama-server`, which then takes its turns in the same rounds.

import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { load } from '../src/node/index.ts';
import { describeMachine } from './machine.ts';
import { startLlama } from './server/start.ts';
import { ratioOf, spreadOf } from './statistics.ts';
import { benchModel } from './weights.ts';

const PROMPT_IDS = 64;
const cores = availableParallelism();
const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: [...new Set([1, 2, cores, 2 * cores])].join() },
    loops: { type: 'string', default: String(2 * cores) },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '32' },
    model: { type: 'string', default: '135m' },
    llama: { type: 'string' },
  },
});
const numTokens = Number(values.tokens);
const threads = values.threads.split(',').map(Number);

/** Somebody who answers in turn with the others; `answer` gives tokens a second after the first one. */
interface Contender {
  readonly name: string;
  readonly threads: number;
  answer(): Promise<number>;
  close(): unknown;
}

const machine = describeMachine();
const { path, promptOf } = await benchModel(values.model);
const { ids } = promptOf(PROMPT_IDS);
const contenders: Contender[] = [];
let loops: ChildProcess[] = [];
try {
  for (const count of threads) contenders.push(await ours(count));
  if (values.llama) for (const count of threads) contenders.push(await llama(values.llama, count));
  for (const { answer } of contenders) await answer(); // compiled and warm
  loops = Array.from({ length: Number(values.loops) }, startLoop);
  await measure();
} finally {
  for (const loop of loops) loop.kill();
  for (const contender of contenders) await contender.close();
}

async function measure(): Promise<void> {
  const rates = contenders.map((): number[] => []);
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [at, { answer }] of contenders.entries()) rates[at].push(await answer());
  const { cpu, system, commit, load, runtime } = machine;
  console.log(`${cpu}, ${cores} cores, ${system}, ${runtime}, commit ${commit}`);
  console.log(
    `${path.split('/').at(-1)}, ${numTokens} tokens after ${PROMPT_IDS} ids, ${values.rounds} rounds in turns, ` +
      `beside ${loops.length} busy loops (load before: ${load})\n`,
  );
  console.log('| | threads | tokens/s: median | least | most | times one thread, median of the rounds |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  for (const [at, { name, threads }] of contenders.entries()) {
    const { median, min, max } = spreadOf(rates[at]);
    const one = contenders.findIndex((other) => other.name === name && other.threads === 1);
    const ratio = one < 0 ? '' : ratioOf(rates[at], rates[one]).median.toFixed(2);
    const speeds = [median, min, max].map((rate) => rate.toFixed(1)).join(' | ');
    console.log(`| ${name} | ${threads} | ${speeds} | ${ratio} |`);
  }
}

async function ours(count: number): Promise<Contender> {
  const smol = await load(path, { threads: count, maxSeqLen: 512 });
  const answer = async () => {
    let begin = 0;
    const options = { maxTokens: numTokens, ignoreEos: true };
    for await (const _ of smol.generate(ids, options)) begin ||= performance.now();
    return (1000 * (numTokens - 1)) / (performance.now() - begin);
  };
  return { name: 'smollm2', threads: count, answer, close: () => smol.close() };
}

async function llama(folder: string, count: number): Promise<Contender> {
  const server = await startLlama(folder, path, 512, 1, 'llama.cpp', count);
  const answer = async () => {
    const request = {
      prompt: ids,
      n_predict: numTokens,
      temperature: 0,
      ignore_eos: true,
      cache_prompt: false,
    };
    const body = JSON.stringify(request);
    const response = await fetch(`${server.url}/completion`, { method: 'POST', body });
    const { timings } = (await response.json()) as { timings: { predicted_n: number; predicted_ms: number } };
    if (timings.predicted_n !== numTokens)
      throw new Error(`llama.cpp: expected ${numTokens} tokens, got ${timings.predicted_n}`);
    return (1000 * (numTokens - 1)) / timings.predicted_ms;
  };
  return { name: 'llama.cpp', threads: count, answer, close: () => server.stop() };
}

/** A program of its own that never rests, for ten minutes at most should nobody end it. */
function startLoop(): ChildProcess {
  const program = 'for (const end = Date.now() + 6e5; Date.now() < end; );';
  return spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
}
