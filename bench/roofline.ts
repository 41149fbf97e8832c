// What this machine does at best on one core, measured in WASM: the line that kernels stay under.

import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';
import { sample } from './measure.ts';

export interface Roofline {
  /** 10^9 bytes per second read from 1 MiB (caches) and from 256 MiB (memory). */
  readonly cacheGBs: number;
  readonly memoryGBs: number;
  /** 10^9 operations per second; a multiply-add is two. */
  readonly int16Gops: number;
  readonly f32Gops: number;
}

interface Peaks {
  readonly memory: WebAssembly.Memory;
  readAll(ptr: number, bytes: number): number;
  multiplyInt16(ptr: number, times: number): number;
  multiplyF32(ptr: number, times: number): number;
}

const CACHE_BYTES = 2 ** 20;
const MEMORY_BYTES = 2 ** 28;
const ROUNDS = 100_000;

export async function measureRoofline(): Promise<Roofline> {
  const peaks = await compile();
  peaks.memory.grow(MEMORY_BYTES / 65536);
  // Small numbers, so that nothing overflows to infinity or becomes subnormal.
  new Float32Array(peaks.memory.buffer).fill(0.5);
  const perSecond = async (amount: number, run: () => void) => amount / (await sample(run)).leastMs / 1e6;
  return {
    cacheGBs: await perSecond(CACHE_BYTES, () => peaks.readAll(0, CACHE_BYTES)),
    memoryGBs: await perSecond(MEMORY_BYTES, () => peaks.readAll(0, MEMORY_BYTES)),
    int16Gops: await perSecond(ROUNDS * 128, () => peaks.multiplyInt16(0, ROUNDS)),
    f32Gops: await perSecond(ROUNDS * F32_OPERATIONS, () => peaks.multiplyF32(0, ROUNDS)),
  };
}

/** Operations of a round of multiplyF32. */
const F32_OPERATIONS = 64;

/** A short burst at the float32 peak, to be timed in turns with what is measured against it. */
export async function f32Burst(): Promise<{ readonly run: () => void; readonly operations: number }> {
  const peaks = await compile();
  peaks.memory.grow(1);
  new Float32Array(peaks.memory.buffer).fill(0.5);
  const rounds = 100_000;
  return { run: () => peaks.multiplyF32(0, rounds), operations: rounds * F32_OPERATIONS };
}

async function compile(): Promise<Peaks> {
  const source = readFileSync(new URL('./roofline.as', import.meta.url), 'utf8');
  const binaries: Uint8Array[] = [];
  const flags = ['-O3', '--runtime', 'stub', '--enable', 'simd', '--outFile', 'roofline.wasm'];
  const { error, stderr } = await asc.main(['roofline.ts', ...flags], {
    readFile: (name: string) => (name === 'roofline.ts' ? source : null),
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== 'string') binaries.push(contents);
    },
  });
  if (error) throw new Error(`asc: ${error.message}\n${stderr}`);
  const { instance } = await WebAssembly.instantiate(binaries[0] as Uint8Array<ArrayBuffer>);
  return instance.exports as unknown as Peaks;
}
