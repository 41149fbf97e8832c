// Runs a learner's code, out of reach of the page: a module of its own, ended by the page when its time is up.

import { exerciseNamed, runLearner } from '../../../../course/index.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ name: string; code: string }>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data: { name, code } }) => {
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  scope.postMessage({ run: await runLearner(exerciseNamed(name), () => import(/* @vite-ignore */ address)) });
};
scope.postMessage('ready');
