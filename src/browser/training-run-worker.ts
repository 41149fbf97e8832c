// Entry of the worker that holds a page's training run.

import { openRemote } from './load-here.ts';
import { takesPort } from './page-members.ts';
import { PageRun } from './page-run.ts';
import { webPlatform } from './platform.ts';
import type { RunCall } from './training-messages.ts';
import { webTrainingPlatform } from './training-platform.ts';

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<RunCall | MessagePort>) => void;
  postMessage(message: unknown): void;
};

const run = new PageRun((report) => scope.postMessage(report), {
  training: webTrainingPlatform,
  // Samples are short: this thread writes them, and no further worker is started.
  inference: { ...webPlatform, spawn: undefined },
  openModel: async (source) => (await openRemote(source, { cache: false })).checkpoint,
});
scope.onmessage = ({ data: call }) => {
  if (!takesPort(call)) run.hear(call);
};
