// `npm run bench:server [-- load mixed inside equal soak faults --relaxed --llama FOLDER --q40 FILE --rounds N]`: the
// server under load. Servers take turns within a round, so that a slow moment of the machine falls on all; ratios count.
// FOLDER holds llama.cpp's `llama-server`, FILE the model as `smollm2 quantize --type q4_0` writes it, which is llama.cpp's
// fastest form; without FOLDER only ours is driven. The soak and the faults run on the nano model.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../src/base/median.ts';
import { describeMachine } from './machine.ts';
import { ask, closedLoop, promptOf, quantile } from './server/client.ts';
import { equalAnswers } from './server/equal.ts';
import { faults, type SoakResult, soak } from './server/faults.ts';
import { inside } from './server/inside.ts';
import { type Server, startLlama, startOurs } from './server/start.ts';
import { benchModel } from './weights.ts';

const VOCAB_SIZE = 49_152;
const PROMPT_IDS = 64;
const NEW_TOKENS = 64;
const CLIENTS = [1, 4, 16, 64];
/** V8 joins pairs of 128-bit operations to one of 256: the same bits (docs/components/batching.md). Node 24 has it. */
const WIDE = ['--experimental-wasm-revectorize'];
const nano = fileURLToPath(new URL('../models/nano.gguf', import.meta.url));

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    llama: { type: 'string' },
    q40: { type: 'string' },
    relaxed: { type: 'boolean' },
    wide: { type: 'boolean' },
    rounds: { type: 'string', default: '2' },
    clients: { type: 'string', default: CLIENTS.join() },
    requests: { type: 'string', default: '10000' },
    threads: { type: 'string' },
  },
});
const isWanted = (part: string) => positionals.length === 0 || positionals.includes(part);
const rounds = Number(values.rounds);
const threads = values.threads ? ['--threads', values.threads] : [];
const machine = describeMachine();
console.log(`${machine.cpu}, ${machine.system}, commit ${machine.commit}\n`);
const servers: Server[] = [];
const folder = mkdtempSync(join(tmpdir(), 'smollm2-server-'));
try {
  if (isWanted('load') || isWanted('mixed')) await withWeights();
  if (isWanted('inside')) await inside((await benchModel()).path);
  if (isWanted('equal')) await equal();
  if (isWanted('soak')) await small('soak', (server) => soak(server, Number(values.requests), 1024));
  if (isWanted('faults'))
    await small('faults', (server) => faults(server, Number(values.requests) / 10, 1024));
} finally {
  for (const server of servers) server.stop();
  rmSync(folder, { recursive: true });
}

async function withWeights(): Promise<void> {
  const { path } = await benchModel();
  const ours = ['--parallel', '64', '--ctx', '2200', ...threads];
  servers.push(await startOurs(path, ours));
  if (values.wide) servers.push(await startOurs(path, ours, 'smollm2, wide', WIDE));
  if (values.relaxed) servers.push(await startOurs(path, [...ours, '--relaxed'], 'smollm2 --relaxed'));
  if (values.relaxed && values.wide)
    servers.push(await startOurs(path, [...ours, '--relaxed'], 'smollm2 --relaxed, wide', WIDE));
  if (values.llama) {
    servers.push(await startLlama(values.llama, path, 64 * 256, 64, 'llama.cpp, the same file'));
    if (values.q40) servers.push(await startLlama(values.llama, values.q40, 64 * 256, 64, 'llama.cpp, Q4_0'));
  }
  if (isWanted('load')) await load(servers);
  if (!isWanted('mixed')) return;
  for (const server of servers.filter(({ name }) => name.startsWith('smollm2'))) await mixed(server);
}

/**
 * Tokens a second, time to the first one and gaps, by clients: medians of the rounds. Where other programs share the
 * machine, the processor time of a token, prompts included, still tells what a server could do alone.
 */
async function load(all: readonly Server[]): Promise<void> {
  console.log(
    `prompts of ${PROMPT_IDS} ids that differ, ${NEW_TOKENS} new tokens, greedy, streamed; ${rounds} rounds\n`,
  );
  console.log(
    '| clients | server | tok/s | processor ms a token | first token ms p50, p95 | gap ms p50, p95, p99 |',
  );
  console.log('| ---: | --- | ---: | ---: | ---: | ---: |');
  for (const clients of values.clients.split(',').map(Number)) {
    const runs = all.map(() => ({
      rates: [] as number[],
      processor: [] as number[],
      first: [] as number[],
      gaps: [] as number[],
      failed: 0,
    }));
    for (let round = 0; round < rounds; round++) {
      for (const [at, server] of all.entries()) {
        const run = runs[at];
        const begin = performance.now();
        const processorMs = server.processorMs();
        let tokens = 0;
        await closedLoop(clients, clients * (clients === 1 ? 3 : 2), async (index) => {
          const prompt = promptOf(PROMPT_IDS, 10_000 * clients + 1000 * round + index, VOCAB_SIZE);
          const heard = await ask(server.url, { prompt, maxTokens: NEW_TOKENS }).catch((error) => {
            // Of some of these prompts llama.cpp says that its own output has the wrong form.
            if (server.name.startsWith('smollm2')) throw error;
            run.failed++;
          });
          if (!heard) return;
          tokens += heard.tokens;
          run.first.push(heard.firstMs);
          run.gaps.push(...heard.gapsMs);
        });
        run.rates.push((1000 * tokens) / (performance.now() - begin));
        run.processor.push((server.processorMs() - processorMs) / tokens);
      }
    }
    for (const [at, { name }] of all.entries()) {
      const { rates, processor, first, gaps, failed } = runs[at];
      const shown = (list: readonly number[], ...parts: number[]) =>
        parts.map((part) => quantile(list, part).toFixed(0)).join(', ');
      console.log(
        `| ${clients} | ${failed > 0 ? `${name} (${failed} failed)` : name} | ` +
          `${median(rates).toFixed(1)} | ${median(processor).toFixed(1)} | ` +
          `${shown(first, 0.5, 0.95)} | ${shown(gaps, 0.5, 0.95, 0.99)} |`,
      );
    }
  }
  console.log();
}

/** Gaps of four short answers, quiet and while prompts of 2,000 ids arrive. */
async function mixed({ name, url }: Server): Promise<void> {
  const gaps = async (isLoud: boolean) => {
    const found: number[] = [];
    let isOver = false;
    const long = async () => {
      for (let n = 0; !isOver; n++)
        await ask(url, { prompt: promptOf(2000, 77 + n, VOCAB_SIZE), maxTokens: 1 });
    };
    const beside = isLoud ? long() : undefined;
    await closedLoop(4, 8, async (index) => {
      const prompt = promptOf(PROMPT_IDS, 500 + index, VOCAB_SIZE);
      found.push(...(await ask(url, { prompt, maxTokens: NEW_TOKENS })).gapsMs);
    });
    isOver = true;
    await beside;
    return found;
  };
  console.log(`| ${name} | gap ms p50 | p95 | p99 |\n| --- | ---: | ---: | ---: |`);
  const p99: number[][] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const [n, isLoud] of [false, true].entries()) {
      const found = await gaps(isLoud);
      p99[n].push(quantile(found, 0.99));
      const shown = [0.5, 0.95, 0.99].map((part) => quantile(found, part).toFixed(0)).join(' | ');
      console.log(`| ${isLoud ? 'beside prompts of 2,000 ids' : 'four answers alone'} | ${shown} |`);
    }
  }
  console.log(`\np99 beside prompts: ${(median(p99[1]) / median(p99[0])).toFixed(2)} times the quiet one\n`);
}

/** Every answer in every company: one hash a round, all the same. */
async function equal(): Promise<void> {
  const { path } = await benchModel();
  const server = await startOurs(path, ['--parallel', '64', '--ctx', '2200', '--queue', '1000', ...threads]);
  servers.push(server);
  const options = { url: server.url, vocabSize: VOCAB_SIZE, longPrompt: 1000, chats: true, newTokens: 8 };
  const found = await equalAnswers(options, [16, 64], ({ name, hash, numDifferent }) =>
    console.log(`${hash} ${numDifferent} differ: ${name}`),
  );
  if (new Set(found.map(({ hash }) => hash)).size > 1) process.exitCode = 1;
  server.stop();
}

async function small(name: string, run: (server: Server) => Promise<SoakResult>): Promise<void> {
  const server = await startOurs(nano, ['--cache-memory', '16', '--queue', '1000'], 'nano');
  servers.push(server);
  const { requests, wrong, failed, memory, pending } = await run(server);
  const rows = memory.map(({ rss, heap, buffers }) => [rss, heap, buffers].map((bytes) => bytes / 1e6));
  const shown = rows.map((row) => row.map((value) => value.toFixed(1)).join('/')).join(', ');
  console.log(
    `${name}: ${requests} requests, ${wrong} wrong, ${failed.length} failed, ${pending} still pending`,
  );
  for (const line of failed) console.log(line);
  console.log(`MB after each twentieth, garbage collected (resident/heap/buffers): ${shown}`);
  // The first tenth fills caches and pools.
  const slopes = ['resident', 'heap', 'buffers'].map((what, n) => {
    const { slope, error } = trend(rows.slice(2).map((row) => row[n]));
    const per1000 = [slope, error].map((value) => ((value * 20_000) / requests).toFixed(3));
    return `${what} ${per1000.join(' ± ')}`;
  });
  console.log(`MB more per 1,000 requests after the first tenth: ${slopes.join(', ')}`);
  server.stop();
  if (wrong + failed.length + pending > 0) process.exitCode = 1;
}

/** Least squares of values at 0, 1, 2, …: the slope and its standard error. */
function trend(values: readonly number[]): { slope: number; error: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const center = (n - 1) / 2;
  const spread = values.reduce((sum, _, x) => sum + (x - center) ** 2, 0);
  const slope = values.reduce((sum, value, x) => sum + (x - center) * (value - mean), 0) / spread;
  const squares = values.reduce((sum, value, x) => sum + (value - mean - slope * (x - center)) ** 2, 0);
  return { slope, error: Math.sqrt(squares / (n - 2) / spread) };
}
