// Entry of a training team's worker in browsers.

import type { TrainingCall, TrainingSetup } from '../run/training-team.ts';
import { TrainingWorker } from '../run/training-worker.ts';
import { serveTeam } from './page-members.ts';

let worker: TrainingWorker | undefined;
serveTeam((message, post) => {
  worker ??= new TrainingWorker(post);
  worker.hear(message as TrainingSetup | TrainingCall);
});
