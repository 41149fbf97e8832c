// The three products of training beside this machine's 128-bit peak, one thread. Each round times the peak and the
// products one behind the other, in processor time, and the share is the middle one of all rounds: on a busy machine
// (another thread on the same core halves what both can do) the figures fall, and their ratio stays.

import { readFileSync } from 'node:fs';
import { median } from '../src/base/median.ts';
import { nodeTrainingPlatform } from '../src/node/train/platform.ts';
import { WasmTraining } from '../src/wasm/training.ts';
import { bindTrainingKernels } from '../src/wasm/training-kernels.ts';
import { f32Burst } from './roofline.ts';

/** Rows, inputs and outputs of every kind of matrix of nano and of the 135M; heads by the rows that share logits. */
const SHAPES = [
  { name: 'nano q', rows: 1024, inSize: 128, outSize: 128 },
  { name: 'nano gate', rows: 1024, inSize: 128, outSize: 384 },
  { name: 'nano down', rows: 1024, inSize: 384, outSize: 128 },
  { name: 'nano head', rows: 64, inSize: 128, outSize: 2048 },
  { name: '135M q', rows: 256, inSize: 576, outSize: 576 },
  { name: '135M gate', rows: 256, inSize: 576, outSize: 1536 },
  { name: '135M down', rows: 256, inSize: 1536, outSize: 576 },
];

const ROUNDS = 15;
/** Processor time of each burst: well above the clock's microsecond. */
const BURST_MS = 8;

/** Milliseconds of processor time per call. */
function timed(run: () => void, calls: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3 / calls;
}

/** For every function its milliseconds in each round. */
function inTurns(runs: readonly (() => void)[]): number[][] {
  const calls = runs.map((run) => {
    timed(run, 3);
    return Math.max(1, Math.round(BURST_MS / timed(run, 3)));
  });
  return Array.from({ length: ROUNDS }, () => runs.map((run, i) => timed(run, calls[i])));
}

export async function benchProducts(): Promise<void> {
  const memory = new WebAssembly.Memory({ initial: 2000, maximum: 2000 });
  const kernels = bindTrainingKernels(
    new WebAssembly.Module(readFileSync('dist/wasm/training-single.wasm')),
    memory,
  );
  const engine = new WasmTraining(
    kernels,
    memory.buffer,
    { numWorkers: 1, maxRows: 1024, maxSeqLen: 512, isWide: nodeTrainingPlatform.isWide },
    0,
  );
  const filled = (length: number) => {
    const x = engine.keep(length);
    const values = Float32Array.from({ length }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
    engine.write(x, values);
    return x;
  };
  const [a, b, c] = [filled(2 ** 20), filled(2 ** 20), filled(2 ** 20)];
  const peak = await f32Burst();
  const rows = SHAPES.map(({ name, rows, inSize, outSize }) => {
    const x = { ptr: a.ptr, length: rows * inSize };
    const out = { ptr: c.ptr, length: rows * outSize };
    const weight = { outSize, inSize, values: { ptr: b.ptr, length: inSize * outSize } };
    const rounds = inTurns([
      peak.run,
      () => engine.linear(out, x, weight),
      () => engine.linearBackwardInput(x, out, weight, false),
      () => engine.linearBackwardWeight(weight.values, out, x, weight),
    ]);
    const operations = 2 * rows * inSize * outSize;
    const [forward, dX, dWeight] = [1, 2, 3].map((n) => {
      const rate = median(rounds.map((ms) => operations / ms[n] / 1e6));
      const share = median(rounds.map((ms) => operations / ms[n] / (peak.operations / ms[0])));
      return `${rate.toFixed(1)} (${Math.round(100 * share)} %)`;
    });
    const speed = median(rounds.map(([ms]) => peak.operations / ms / 1e6));
    return { product: name, 'peak, GFLOP/s': speed.toFixed(1), forward, dX, dWeight };
  });
  console.table(rows);
}
