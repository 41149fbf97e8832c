// Whole steps of training, ours and PyTorch's in turns: tokens per second of processor time and of the clock. PyTorch
// runs where PYTHON names a Python that has torch and transformers; elsewhere its columns stay empty.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ModelConfig } from '../src/config.ts';
import { nodeTrainingPlatform } from '../src/node/train/platform.ts';
import { openTraining, planTraining } from '../src/run/training.ts';
import { initialise } from '../src/train/initialise.ts';

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
}

const ROWS: readonly Row[] = [
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 1, steps: 3 },
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 2, steps: 3 },
  { name: 'nano', config: NANO, batch: 1, length: 256, threads: 1, steps: 20 },
  { name: 'nano', config: NANO, batch: 1, length: 128, threads: 1, steps: 40 },
  { name: 'nano', config: NANO, batch: 8, length: 256, threads: 2, steps: 3, busy: 2 },
  { name: '135M', config: SMALL, batch: 1, length: 256, threads: 1, steps: 1 },
  { name: '135M', config: SMALL, batch: 1, length: 256, threads: 2, steps: 1 },
];

const ROUNDS = 3;
const ADAMW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, undecayed: [] };

/** Seconds of the clock and of processor time for so many steps. */
type Timed = (steps: number) => Promise<readonly [number, number]>;

export async function benchSteps(): Promise<void> {
  const lines = [];
  for (const row of ROWS) lines.push(await measured(row));
  console.table(lines);
}

async function measured(row: Row) {
  const { name, batch, length, threads, steps, busy = 0 } = row;
  const ours = await oursOf(row);
  const theirs = torchOf(row);
  const loops = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  const rounds: (readonly (readonly [number, number])[])[] = [];
  try {
    await ours.run(1);
    await theirs?.run(1);
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push([await ours.run(steps), ...(theirs ? [await theirs.run(steps)] : [])]);
    }
  } finally {
    for (const loop of loops) loop.kill();
    await ours.close();
    await theirs?.close();
  }
  const rate = (who: number, clock: number) =>
    (batch * length * steps) / middle(rounds.map((r) => r[who][clock]));
  const ratio = (clock: number) => middle(rounds.map((r) => r[1][clock] / r[0][clock])).toFixed(2);
  return {
    model: `${name}, ${batch} x ${length}${busy ? `, ${busy} busy loops` : ''}`,
    threads,
    'tokens a processor second': Math.round(rate(0, 1)),
    'tokens a second': Math.round(rate(0, 0)),
    ...(theirs && {
      PyTorch: `${Math.round(rate(1, 1))}, ${Math.round(rate(1, 0))}`,
      'ours / PyTorch, processor': ratio(1),
      clock: ratio(0),
    }),
  };
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

function torchOf({ config, batch, length, threads }: Row) {
  const python = process.env.PYTHON;
  if (!python) return undefined;
  const hf = {
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numLayers,
    num_attention_heads: config.numHeads,
    num_key_value_heads: config.numKvHeads,
    max_position_embeddings: config.maxSeqLen,
    tie_word_embeddings: true,
  };
  const script = fileURLToPath(new URL('train_torch.py', import.meta.url));
  const words = [script, JSON.stringify(hf), ...[batch, length, threads].map(String)];
  const child: ChildProcess = spawn(python, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!child.stdin || !child.stdout) throw new Error('python: expected pipes');
  const { stdin } = child;
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const run: Timed = async (steps) => {
    stdin.write(`${steps}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error(`${python}: expected torch and transformers, got an end; see above`);
    return JSON.parse(value);
  };
  return {
    run,
    close: async () => {
      stdin.end();
      await new Promise((resolve) => child.once('close', resolve));
    },
  };
}

const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** The plan of a step of the 135M beside what the process then holds. */
export async function benchMemory(): Promise<void> {
  const shape = { threads: 2, maxRows: 2048, maxSeqLen: 2048 };
  const plan = planTraining(SMALL, shape);
  const before = process.memoryUsage().rss;
  const ours = await oursOf({ name: '135M', config: SMALL, batch: 1, length: 2048, threads: 2, steps: 1 });
  const [seconds] = await ours.run(1);
  const held = process.memoryUsage().rss - before;
  await ours.close();
  console.log(
    `135M, one step of 1 x 2,048: planned ${(plan.bytes / 1e6).toFixed(0)} MB ` +
      `(recomputing layers: ${plan.recomputes}), held ${(held / 1e6).toFixed(0)} MB ` +
      `(${((held / plan.bytes - 1) * 100).toFixed(1)} %), ${seconds.toFixed(0)} s`,
  );
}
