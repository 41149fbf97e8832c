// Entry of a training team's worker in Node, Deno and Bun.

import { parentPort } from 'node:worker_threads';
import { TrainingWorker } from '../run/training-worker.ts';

const worker = new TrainingWorker((reply) => parentPort?.postMessage(reply));
parentPort?.on('message', (message) => worker.hear(message));
