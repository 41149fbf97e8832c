// Entry of a training team's worker in browsers.

import { WORKER_READY } from '../run/team-worker.ts';
import { TrainingWorker } from '../run/training-worker.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

const worker = new TrainingWorker((reply) => scope.postMessage(reply));
scope.onmessage = ({ data: message }) => worker.hear(message);
scope.postMessage(WORKER_READY);
