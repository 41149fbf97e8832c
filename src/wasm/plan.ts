// What a model will take in linear memory, before any of it is asked for.

import type { DType } from '../base/dtype.ts';
import type { ModelConfig } from '../config.ts';
import {
  attentionNeeds,
  cacheLayout,
  MAX_ROWS,
  matrixBytes,
  PAGE,
  privateSizes,
  type ScratchNeeds,
  sharedSizes,
} from './layout.ts';
import type { CacheType } from './options.ts';

export interface PlanPart {
  readonly name: string;
  readonly bytes: number;
}

/** A tensor as far as memory is concerned. */
export interface PlannedTensor {
  readonly name?: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Bytes of weights, a full cache, rotations and scratch.
 *
 * @param options.maxSeqLen positions of one cache, all of them filled
 */
export function memoryPlan(
  config: ModelConfig,
  tensors: Iterable<PlannedTensor>,
  options: {
    readonly maxSeqLen: number;
    readonly cacheType: CacheType;
    readonly threads: number;
    readonly rowsPerPass?: number;
  },
): PlanPart[] {
  const { maxSeqLen, cacheType, threads, rowsPerPass = MAX_ROWS } = options;
  let weights = 0;
  let inSize = Math.max(config.hiddenSize, config.intermediateSize);
  for (const { dtype, shape } of tensors) {
    if (shape.length === 1) weights += 4 * shape[0];
    else {
      weights += matrixBytes(dtype, shape[0], shape[1]);
      inSize = Math.max(inSize, shape[1]);
    }
  }
  const needs: ScratchNeeds = { inSize, ...attentionNeeds(config, maxSeqLen) };
  const sum = (sizes: Record<string, number>) =>
    Object.values(sizes).reduce((total, size) => total + size, 0);
  const pages = Math.ceil(maxSeqLen / PAGE);
  return [
    { name: 'weights', bytes: weights },
    {
      name: `cache of ${maxSeqLen} positions in ${cacheType}`,
      bytes: pages * cacheLayout(config, cacheType).pageBytes,
    },
    { name: 'rotations', bytes: 4 * maxSeqLen * config.headDim },
    {
      name: `scratch of ${threads} workers`,
      bytes: sum(sharedSizes(needs, rowsPerPass)) + threads * sum(privateSizes(needs)),
    },
  ];
}

/** One line per part of a memory plan, then the sum, in MB of 10^6 bytes. */
export function formatPlan(parts: readonly PlanPart[]): string {
  const line = (name: string, bytes: number) => `${(bytes / 1e6).toFixed(1).padStart(10)} MB  ${name}`;
  const total = parts.reduce((sum, part) => sum + part.bytes, 0);
  return [...parts.map((part) => line(part.name, part.bytes)), line('in all', total)].join('\n');
}
