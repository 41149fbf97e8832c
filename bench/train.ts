// npm run bench:train: the three products of training beside this machine's 128-bit peak, and whole steps. Best of
// many short bursts, one thread; a share is taken from bursts that alternate with the peak's, so a busy machine slows
// both.

import { readFileSync } from 'node:fs';
import { Learner } from '../src/train/learner.ts';
import { WasmTraining } from '../src/wasm/training.ts';
import { bindTrainingKernels } from '../src/wasm/training-kernels.ts';

const PAGES = 16_000;
const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
const module = new WebAssembly.Module(readFileSync('dist/wasm/training-single.wasm'));
const kernels = bindTrainingKernels(module, memory);

/** Rows, inputs and outputs of a matrix of nano and of the 135M. */
const SHAPES = [
  { name: 'nano q', rows: 1024, inSize: 128, outSize: 128 },
  { name: 'nano gate', rows: 1024, inSize: 128, outSize: 384 },
  { name: 'nano down', rows: 1024, inSize: 384, outSize: 128 },
  { name: '135M q', rows: 256, inSize: 576, outSize: 576 },
  { name: '135M gate', rows: 256, inSize: 576, outSize: 1536 },
  { name: '135M down', rows: 256, inSize: 1536, outSize: 576 },
];

const BURST_MS = 1500;

/** Least milliseconds of each function, in turns. */
function best(runs: readonly (() => void)[]): number[] {
  const least = runs.map(() => Number.POSITIVE_INFINITY);
  for (const end = performance.now() + BURST_MS; performance.now() < end; ) {
    for (const [i, run] of runs.entries()) {
      const begin = performance.now();
      run();
      least[i] = Math.min(least[i], performance.now() - begin);
    }
  }
  return least;
}

const engine = new WasmTraining(kernels, memory.buffer, { numWorkers: 1, maxRows: 1024, maxSeqLen: 512 }, 0);
const filled = (length: number) => {
  const x = engine.keep(length);
  engine.write(
    x,
    Float32Array.from({ length }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5),
  );
  return x;
};
const [a, b, c] = [filled(2 ** 21), filled(2 ** 21), filled(2 ** 21)];

/** The peak: one tile's operands in the first cache, 64 sums of 512 terms. */
const PEAK = { rows: 64, inSize: 512, outSize: 16 };
const gflops = ({ rows, inSize, outSize }: typeof PEAK, ms: number) =>
  (2 * rows * inSize * outSize) / ms / 1e6;

function product(shape: typeof PEAK): (() => void)[] {
  const { rows, inSize, outSize } = shape;
  const x = { ptr: a.ptr, length: rows * inSize };
  const out = { ptr: c.ptr, length: rows * outSize };
  const weight = { outSize, inSize, values: { ptr: b.ptr, length: inSize * outSize } };
  return [
    () => engine.linear(out, x, weight),
    () => engine.linearBackwardInput(x, out, weight, false),
    () => engine.linearBackwardWeight(weight.values, out, x, weight),
  ];
}

const rows = SHAPES.map((shape) => {
  const [peak, ...times] = best([product(PEAK)[0], ...product(shape)]);
  const speed = gflops(PEAK, peak);
  const [forward, dX, dWeight] = times.map((ms) => gflops(shape, ms));
  const show = (value: number) => `${value.toFixed(1)} (${Math.round((100 * value) / speed)} %)`;
  return {
    product: shape.name,
    'in cache, GFLOP/s': speed.toFixed(1),
    forward: show(forward),
    dX: show(dX),
    dWeight: show(dWeight),
  };
});
console.table(rows);

/** The nano model's step, 4 × 256 tokens. */
const config = {
  vocabSize: 2048,
  hiddenSize: 128,
  intermediateSize: 384,
  numLayers: 4,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 32,
  maxSeqLen: 256,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  qkvBias: false,
  tiedEmbeddings: true,
  eosIds: [0],
};
const learner = new Learner(
  new WasmTraining(kernels, memory.buffer, { numWorkers: 1, maxRows: 1024, maxSeqLen: 256 }, 0),
  config,
  { maxSeqLen: 256, recomputes: false },
);
for (const { values, shape, length } of learner.parameters.values()) {
  learner.engine.write(
    values,
    Float32Array.from({ length }, (_, i) => (shape.length === 1 ? 1 : ((i * 7919) % 1009) / 5045 - 0.1)),
  );
}
const ids = Array.from({ length: 1024 }, (_, i) => (i * 31) % 2048);
const batch = { ids, labels: ids, sequenceLengths: [256, 256, 256, 256] };
const weights = ids.map(() => 1 / 1024);
const adamw = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, undecayed: [] };
let update = 0;
const [stepMs] = best([
  () => {
    learner.gradients(batch, weights);
    const norm = Math.sqrt(learner.gradientSquares().reduce((sum, square) => sum + square, 0));
    learner.update({ ...adamw, update: ++update, maxNorm: 1 }, norm);
  },
]);
console.log(
  `nano, whole step of 1,024 tokens, one thread: ${stepMs.toFixed(1)} ms, ${Math.round(1024e3 / stepMs)} tokens/s`,
);
