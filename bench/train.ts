// npm run bench:train [-- products | steps [ROW…] | memory | loss | start]: the three products of training beside this
// machine's peak, whole steps beside PyTorch's (all rows, or those whose names begin so: 'nano 8x256'), the memory of a
// step of the 135M beside its plan, the time to a fixed held-out loss, and the time to a run's first step. All of them
// where none is named.

import { benchLoss } from './train-loss.ts';
import { benchProducts } from './train-products.ts';
import { benchStart } from './train-start.ts';
import { benchMemory, benchSteps } from './train-steps.ts';

const BENCHES = {
  products: benchProducts,
  steps: benchSteps,
  memory: benchMemory,
  loss: benchLoss,
  start: benchStart,
};
const [first, ...rows] = process.argv.slice(2);
for (const [name, run] of Object.entries(BENCHES)) {
  if (first === undefined || first === name) await run(rows);
}
process.exit();
