// `npm run bench:embed [-- IDS ...]`: long texts as vectors on the real 135M (1,000, 2,000, 4,000 and 8,000 ids): time,
// how long the event loop is kept waiting, memory over that of the loaded model, and the difference from the mean of a
// traced pass. Once on a team of all cores, and once in the calling thread, as where memory cannot be shared.

import { availableParallelism } from 'node:os';
import type { Model } from '../src/model/model.ts';
import { openNode } from '../src/node/open.ts';
import { nodePlatform } from '../src/node/platform.ts';
import { loadModel } from '../src/run/load.ts';
import { embedIds } from '../src/score/embed.ts';
import type { WasmPlatform } from '../src/wasm/platform.ts';
import { describeMachine } from './machine.ts';
import { benchModel } from './weights.ts';

const given = process.argv.slice(2).map(Number);
const lengths = given.length > 0 ? given : [1000, 2000, 4000, 8000];
const machine = describeMachine();
const { path, promptOf } = await benchModel();
const { ids } = promptOf(Math.max(...lengths));
const team = availableParallelism();
console.log(`${machine.cpu}, ${machine.system}, load ${machine.load}, commit ${machine.commit}\n`);
console.log(
  '| where | ids | seconds | longest block, ms | of processor time | memory, MB | off the mean of a trace |',
);
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
await onPlatform(`team of ${team}`, nodePlatform);
await onPlatform('calling thread', { ...nodePlatform, spawn: undefined });

async function onPlatform(where: string, platform: WasmPlatform): Promise<void> {
  const checkpoint = await openNode(path, {});
  const model = await loadModel(checkpoint, { threads: team }, platform);
  await checkpoint.close();
  await embedIds(model, ids.slice(0, 256)); // compiled and warm
  for (const length of lengths) await row(where, model, ids.slice(0, length));
  await model.close();
}

async function row(where: string, model: Model, text: readonly number[]): Promise<void> {
  const before = process.memoryUsage().rss;
  const blocks = watchBlocks();
  const start = performance.now();
  const vector = await embedIds(model, text);
  const seconds = (performance.now() - start) / 1e3;
  const { longestMs, longestCpuMs } = blocks.end();
  const megabytes = (process.memoryUsage().rss - before) / 1e6;
  const expected = await traceMean(model, text);
  const off = Math.max(...vector.map((value, i) => Math.abs(value - expected[i])));
  const own = model.numThreads === 1 ? longestCpuMs.toFixed(0) : '';
  const cells = [text.length, seconds.toFixed(1), longestMs.toFixed(0), own, megabytes.toFixed(0), off];
  console.log(`| ${where} | ${cells.join(' | ')} |`);
}

/** The longest time between two turns of a timer, by the clock and in processor time of this process. */
function watchBlocks() {
  const longest = { longestMs: 0, longestCpuMs: 0 };
  let [last, lastCpu] = [performance.now(), cpuMs()];
  const timer = setInterval(() => {
    const [now, cpu] = [performance.now(), cpuMs()];
    longest.longestMs = Math.max(longest.longestMs, now - last);
    longest.longestCpuMs = Math.max(longest.longestCpuMs, cpu - lastCpu);
    [last, lastCpu] = [now, cpu];
  }, 1);
  return {
    end: () => {
      clearInterval(timer);
      return longest;
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/** The mean of `model.norm`, scaled to length 1, from one traced pass over the whole text. */
async function traceMean(model: Model, text: readonly number[]): Promise<Float32Array> {
  const { hiddenSize } = model.config;
  const cache = model.newCache(text.length);
  const sum = new Float64Array(hiddenSize);
  await model.forward(text, cache, {
    logits: 'none',
    points: ['model.norm'],
    trace: (_name, value) => {
      for (const [i, x] of model.read(value).entries()) sum[i % hiddenSize] += x;
    },
  });
  model.freeCache(cache);
  const length = Math.sqrt(sum.reduce((squares, value) => squares + value * value, 0));
  return Float32Array.from(sum, (value) => value / length);
}
