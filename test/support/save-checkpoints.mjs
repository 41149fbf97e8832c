// A run that does nothing but write checkpoints: `node save-checkpoints.mjs FOLDER STEPS VALUES`. Step s holds the
// number s everywhere. A save that fails is told on stderr, and the run goes on; the exit code is 3 if all failed.

import { CheckpointFolder } from '../../dist/node/train/checkpoint-folder.js';

const [, , folder, steps, count] = process.argv;
const store = new CheckpointFolder(folder);
let saved = 0;
for (let step = 1; step <= Number(steps); step++) {
  const tensor = { name: 'w', shape: [Number(count)], values: new Float32Array(Number(count)).fill(step) };
  const state = {
    version: 1,
    step,
    updates: step,
    consumedRows: {},
    consumedTokens: 0,
    lossHash: '',
    best: null,
    recipe: {},
  };
  const tensors = { weights: [tensor], firstMoments: [tensor], secondMoments: [tensor] };
  try {
    await store.save({ state, tensors });
    saved++;
    process.stdout.write(`${step}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
  }
}
process.exitCode = saved > 0 ? 0 : 3;
