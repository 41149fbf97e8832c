// The thread that a learner's file runs in. Its parent is run.ts, which ends it when the time is up.

import { parentPort, workerData } from 'node:worker_threads';
import { EXERCISES } from '../exercises.ts';
import { runLearner } from '../run-learner.ts';

const { name, file } = workerData as { name: string; file: string };
const exercise = EXERCISES.find((one) => one.name === name);
const port = parentPort;
if (!exercise || !port) throw new Error(`worker: expected an exercise and a parent, got ${name}`);
port.postMessage('ready');
port.postMessage(await runLearner(exercise, () => import(file)));
