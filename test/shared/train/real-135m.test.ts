// The 135M's goldens by the WASM engine in float32. Bars: twice what PyTorch's own float32 is off by. Seen:
//
//     |             | losses | norms, relative | sampled gradients, of the maximum |
//     | ten steps   | 9.6e-6 | 4.6e-5          | 1.1e-4                            |
//     | SFT         | 1.5e-7 | 1.1e-5          | 2.9e-5                            |
//     | DPO         | 3.0e-5 | 1.5e-5          | 3.3e-5                            |
//     | five of DPO | 1.5e-4 | 8.9e-5          |                                   |
//     | LoRA        | 7.8e-6 | 6.6e-6          |                                   |

import { afterAll, describe } from 'vitest';
import { wasmTraining } from '../../support/training.ts';
import { seen, testGoldens } from './real-135m.ts';

/** Four arrays of 135 million float32 numbers, and a pass of 256 rows; one memory for all tests. */
const MEMORY_BYTES = 2.75 * 2 ** 30;

describe('the 135M in float32', () => {
  const memory = new WebAssembly.Memory({ initial: MEMORY_BYTES / 2 ** 16, maximum: MEMORY_BYTES / 2 ** 16 });
  testGoldens(
    () => {
      new Uint8Array(memory.buffer).fill(0);
      return wasmTraining({ memory });
    },
    { loss: 2e-4, norm: 1e-3, value: 4e-3, steps: 10 },
  );
  afterAll(() => console.table(seen));
});
