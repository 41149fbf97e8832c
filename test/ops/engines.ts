// The engines that every operation is tested on. A new one is a row here.

import type { Engine } from '../../src/ops.ts';
import { ReferenceEngine } from '../../src/reference/index.ts';
import type { CacheType, Precision } from '../../src/wasm/options.ts';
import { EPS32, EPS64 } from '../support/close.ts';
import { distantEngine } from '../support/distant-engine.ts';
import { kernelBytes, wasmEngine } from '../support/wasm.ts';

export interface TestedEngine {
  readonly name: string;
  make(): Engine;
  /** Unit roundoff of its activations. */
  readonly eps: number;
  /** What becomes of activations in products with quantised weights; exact: nothing. */
  readonly activations: 'exact' | Precision | 'bytes';
  readonly cacheType: CacheType | 'exact';
  /** Its bits are those of the lane models (test/support/lanes.ts). */
  readonly hasLanes: boolean;
}

const exact = { eps: EPS64, activations: 'exact', cacheType: 'exact', hasLanes: false } as const;

function wasm(precision: Precision, cacheType: CacheType): TestedEngine {
  return {
    name: `wasm ${precision}, cache ${cacheType}`,
    make: () => wasmEngine({ precision, cacheType }),
    eps: EPS32,
    activations: precision,
    cacheType,
    hasLanes: true,
  };
}

const relaxed: TestedEngine = {
  ...wasm('fast', 'f32'),
  name: 'wasm relaxed',
  make: () => wasmEngine({ build: 'relaxed-single' }),
  activations: 'bytes',
  hasLanes: false,
};

/** Node has had relaxed SIMD since version 22. */
const hasRelaxed = WebAssembly.validate(kernelBytes('relaxed-single'));

export const ENGINES: readonly TestedEngine[] = [
  { ...exact, name: 'reference', make: () => new ReferenceEngine() },
  { ...exact, name: 'distant', make: () => distantEngine() },
  wasm('fast', 'f32'),
  wasm('precise', 'f16'),
  wasm('fast', 'q8'),
  ...(hasRelaxed ? [relaxed] : []),
];
