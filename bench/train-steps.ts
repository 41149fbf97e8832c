// Whole steps of training, ours and PyTorch's in turns: tokens per second of processor time and of the clock. PyTorch
// runs where PYTHON names a Python that has torch and transformers; elsewhere its columns stay empty. Its vectors are
// as wide as the processor's (AVX2, AVX-512) and multiply and add at once; those of WASM are 128 bits wide and do one
// after the other. What that alone decides is the ceiling: PyTorch's time of a step over the time that only the
// products of the step take at the 128-bit peak, which is measured in the same rounds.

import { spawn } from 'node:child_process';
import { median } from '../src/base/median.ts';
import type { ModelConfig } from '../src/config.ts';
import { hfConfigJson } from '../src/format/hf-write.ts';
import { nodeTrainingPlatform } from '../src/node/train/platform.ts';
import { openTraining, planTraining } from '../src/run/training.ts';
import { initialise } from '../src/train/initialise.ts';
import { askPython } from './ask-python.ts';
import { f32Burst } from './roofline.ts';

const NANO: ModelConfig = {
  vocabSize: 2048,
  hiddenSize: 128,
  intermediateSize: 384,
  numLayers: 4,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 32,
  maxSeqLen: 512,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  qkvBias: false,
  tiedEmbeddings: true,
  eosIds: [0],
};
const SMALL: ModelConfig = {
  ...NANO,
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  numLayers: 30,
  numHeads: 9,
  numKvHeads: 3,
  headDim: 64,
  maxSeqLen: 2048,
};

interface Row {
  readonly name: string;
  readonly config: ModelConfig;
  readonly batch: number;
  readonly length: number;
  readonly threads: number;
  readonly steps: number;
  /** Other processes that do nothing but count, beside both. */
  readonly busy?: number;
  /** PyTorch's step as torch.compile makes it; the first one takes a minute. */
  readonly compiled?: boolean;
}

const ROWS: readonly Row[] = [
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 1, steps: 3 },
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 2, steps: 3 },
  { name: 'nano', config: NANO, batch: 1, length: 256, threads: 1, steps: 20 },
  { name: 'nano', config: NANO, batch: 1, length: 128, threads: 1, steps: 40 },
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 2, steps: 3, busy: 2 },
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 1, steps: 3, compiled: true },
  { name: '135M', config: SMALL, batch: 1, length: 256, threads: 1, steps: 1 },
  { name: '135M', config: SMALL, batch: 1, length: 256, threads: 2, steps: 1 },
];

const ROUNDS = 3;
const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, undecayed: [] };

/** Seconds of the clock and of processor time for so many steps. */
type Timed = (steps: number) => Promise<Times>;
type Times = readonly [number, number];

/** @param wanted beginnings of the rows' names; all rows where none is given */
export async function benchSteps(wanted: readonly string[] = []): Promise<void> {
  const rows = ROWS.filter((row) => !wanted.length || wanted.some((name) => nameOf(row).startsWith(name)));
  const lines = [];
  for (const row of rows) lines.push(await measured(row));
  console.table(lines);
}

function nameOf({ name, batch, length, threads, busy, compiled }: Row): string {
  const beside = busy ? `, ${busy} busy loops` : '';
  return `${name}${compiled ? ' compiled' : ''} ${batch}x${length}, ${threads} thread${threads > 1 ? 's' : ''}${beside}`;
}

async function measured(row: Row) {
  const { batch, length, steps, busy = 0 } = row;
  const ours = await oursOf(row);
  const theirs = torchOf(row);
  const peak = await f32Burst();
  const loops = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  const rounds: { ours: Times; theirs: Times | undefined; peak: number }[] = [];
  try {
    await ours.run(1);
    await theirs?.ask(1);
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push({ peak: burst(peak), ours: await ours.run(steps), theirs: await theirs?.ask(steps) });
    }
  } finally {
    for (const loop of loops) loop.kill();
    await ours.close();
    await theirs?.close();
  }
  const tokens = batch * length * steps;
  const rates = (clock: number, times: readonly Times[]) =>
    Math.round(tokens / median(times.map((t) => t[clock])));
  const pairs = rounds.flatMap(({ ours, theirs, peak }) => (theirs ? [{ ours, theirs, peak }] : []));
  const ratio = (clock: number) => median(pairs.map((r) => r.theirs[clock] / r.ours[clock])).toFixed(2);
  const products = (operationsOf(row) * steps) / 1e9;
  const mine = rounds.map((round) => round.ours);
  const torch = pairs.map((round) => round.theirs);
  return {
    model: nameOf(row),
    'tokens a processor second': rates(1, mine),
    'a second': rates(0, mine),
    'of the peak': median(rounds.map((r) => products / r.peak / r.ours[1])).toFixed(2),
    ...(theirs && {
      PyTorch: `${rates(1, torch)}, ${rates(0, torch)}`,
      'ours / PyTorch, processor': ratio(1),
      clock: ratio(0),
      ceiling: median(pairs.map((r) => (r.theirs[1] * r.peak) / products)).toFixed(2),
    }),
  };
}

/** 10^9 operations in a second of processor time. */
function burst({ run, operations }: Awaited<ReturnType<typeof f32Burst>>): number {
  const calls = 30;
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (operations * calls) / (user + system) / 1e3;
}

/** Products of a step, forward and both gradients: 6 operations a weight of a matrix and token; attention is left out. */
function operationsOf({ config, batch, length }: Row): number {
  const { hiddenSize, intermediateSize, numLayers, numHeads, numKvHeads, headDim, vocabSize } = config;
  const layer = hiddenSize * (2 * (numHeads + numKvHeads) * headDim + 3 * intermediateSize);
  return 6 * (numLayers * layer + vocabSize * hiddenSize) * batch * length;
}

async function oursOf({ config, batch, length, threads }: Row) {
  const shape = { threads, maxRows: batch * length, maxSeqLen: length };
  const machine = await openTraining(config, shape, nodeTrainingPlatform);
  initialise(machine, 0.04, 1);
  const ids = Array.from({ length: batch * length }, (_, i) => (i * 7919 + 31) % config.vocabSize);
  const labels = ids.map((_, i) => ids[(i + 1) % ids.length]);
  const rows = { ids, labels, sequenceLengths: new Array<number>(batch).fill(length) };
  const weights = ids.map(() => 1 / ids.length);
  let update = 0;
  const run: Timed = async (steps) => {
    const [clock, before] = [performance.now(), process.cpuUsage()];
    for (let i = 0; i < steps; i++) {
      await machine.gradients(rows, weights);
      const norm = Math.sqrt((await machine.gradientSquares()).reduce((sum, square) => sum + square, 0));
      await machine.update({ ...ADAMW, update: ++update, maxNorm: 1 }, norm);
    }
    const { user, system } = process.cpuUsage(before);
    return [(performance.now() - clock) / 1000, (user + system) / 1e6];
  };
  return { run, close: () => machine.close() };
}

function torchOf({ config, batch, length, threads, compiled }: Row) {
  const words = [JSON.stringify(hfConfigJson(config)), ...[batch, length, threads].map(String)];
  return askPython<Times>('train_torch.py', compiled ? [...words, 'compiled'] : words);
}

/** The plan of a step of the 135M beside what the process then holds. */
export async function benchMemory(): Promise<void> {
  const shape = { threads: 2, maxRows: 2048, maxSeqLen: 2048 };
  const plan = planTraining(SMALL, shape);
  const before = process.memoryUsage().rss;
  const ours = await oursOf({ name: '135M', config: SMALL, batch: 1, length: 2048, threads: 2, steps: 1 });
  const [seconds] = await ours.run(1);
  const held = process.memoryUsage().rss - before;
  const planned = plan.bytes + plan.heapBytes;
  await ours.close();
  console.log(
    `135M, one step of 1 x 2,048: planned ${(planned / 1e6).toFixed(0)} MB ` +
      `(recomputing layers: ${plan.recomputes}), held ${(held / 1e6).toFixed(0)} MB ` +
      `(${((held / planned - 1) * 100).toFixed(1)} %), ${seconds.toFixed(0)} s`,
  );
}
