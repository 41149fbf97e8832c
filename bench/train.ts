// npm run bench:train [-- products | steps [ROW…] | memory]: the three products of training beside this machine's peak,
// whole steps beside PyTorch's (all rows, or those whose names begin so: 'nano 8x256'), and the memory of a step of the
// 135M beside its plan. All three where none is named.

import { benchProducts } from './train-products.ts';
import { benchMemory, benchSteps } from './train-steps.ts';

const BENCHES = { products: benchProducts, steps: benchSteps, memory: benchMemory };
const [first, ...rows] = process.argv.slice(2);
for (const [name, run] of Object.entries(BENCHES)) {
  if (first === undefined || first === name) await run(rows);
}
process.exit();
