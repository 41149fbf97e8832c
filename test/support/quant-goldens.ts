// The quant goldens: blocks and their values as gguf-py computed them (test/golden/manifest.json tells from what).

import { readFileSync } from 'node:fs';
import type { DType } from '../../src/base/dtype.ts';
import { goldenPath } from './goldens.ts';

export interface QuantGolden {
  readonly type: DType;
  readonly set: 'random' | 'quantised';
  readonly blocks: string;
  readonly dequantised_f32: string;
  readonly source_f32?: string;
  readonly bytes: Uint8Array;
}

/** The 26 sets of 64 blocks, or the 13 of one kind. */
export function quantGoldens(set?: QuantGolden['set']): QuantGolden[] {
  const index = JSON.parse(readFileSync(goldenPath('quant/index.json'), 'utf8')) as { sets: QuantGolden[] };
  return index.sets
    .filter((golden) => set === undefined || golden.set === set)
    .map((golden) => ({
      ...golden,
      bytes: new Uint8Array(readFileSync(goldenPath(`quant/${golden.blocks}`))),
    }));
}

/** A golden file of float32 numbers. */
export function readF32(name: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(goldenPath(`quant/${name}`))).buffer);
}
