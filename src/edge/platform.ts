// The WASM engine's platform in workerd: kernels that were compiled when the worker was deployed, and no threads.

import { UnsupportedError } from '../base/errors.ts';
import type { WasmPlatform } from '../wasm/platform.ts';
import relaxed from '../wasm/relaxed-single.wasm';
import strict from '../wasm/strict-single.wasm';

export const edgePlatform: WasmPlatform = {
  loadModule: async (build) => {
    if (build === 'strict-single') return strict;
    if (build === 'relaxed-single') return relaxed;
    throw new UnsupportedError(`kernels: expected a build for one thread, got ${build}`);
  },
  defaultThreads: 1,
};
