// npm run bench:train [-- products steps memory]: the three products of training beside this machine's peak, whole
// steps beside PyTorch's, and the memory of a step of the 135M beside its plan. All three where none is named.

import { benchProducts } from './train-products.ts';
import { benchMemory, benchSteps } from './train-steps.ts';

const BENCHES = { products: benchProducts, steps: benchSteps, memory: benchMemory };
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
process.exit();
