// The program of the runtimes that have files: `node|deno|bun script.mjs WEIGHTS THREADS` prints one line of JSON.

import process from 'node:process';
import { capabilities, load } from 'smollm2';
import { answer } from './answer.js';

let workers = 0;
process.on('worker', () => workers++);

const [weights, numThreads] = process.argv.slice(2);
const startedAt = Date.now();
const smol = await load(weights, { threads: Number(numThreads) });
const loadMs = Date.now() - startedAt;
const result = await answer(smol);
await smol.close();
const { runtime } = await capabilities();
const memoryBytes = process.memoryUsage().rss;
console.log(JSON.stringify({ ...result, workers, runtime, loadMs, memoryBytes }));
