// An engine whose memory is out of reach, as a graphics card's is: values come back some time after they were asked
// for, as they were when they were asked for.

import type { ModelConfig } from '../../src/config.ts';
import type { Engine } from '../../src/ops.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';

class DistantEngine extends ReferenceEngine {
  override async read(x: Float64Array): Promise<Float64Array> {
    const values = x.slice();
    await new Promise((resolve) => setTimeout(resolve, 1));
    return values;
  }
}

/** The float64 reference behind an asynchronous `read`. */
export function distantEngine(_config?: ModelConfig): Engine {
  return Object.assign(new DistantEngine(), { name: 'distant', arithmetic: 'distant 1', readNow: undefined });
}
