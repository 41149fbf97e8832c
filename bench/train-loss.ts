// What a user waits for: seconds to a fixed held-out loss. Both sides train the nano shape on this repository's
// documents, from the same first weights, on the same windows in the same order and in turns of some steps, so that
// losses and times lie beside each other. PyTorch runs where PYTHON names one with torch and transformers.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hfConfigJson } from '../src/format/hf-write.ts';
import { nodeTrainingPlatform } from '../src/node/train/platform.ts';
import { readRecipeFile } from '../src/node/train/recipe-file.ts';
import { openTraining } from '../src/run/training.ts';
import { HeldOutWindows } from '../src/train/held-out.ts';
import { initialise } from '../src/train/initialise.ts';
import { PackedWindows } from '../src/train/packed-windows.ts';
import { PretrainObjective } from '../src/train/pretrain.ts';
import type { PretrainRecipe } from '../src/train/recipe.ts';
import { learningRateAt } from '../src/train/schedule.ts';
import { safetensorsPieces } from '../src/train/state-files.ts';
import { askPython } from './ask-python.ts';
import { tokenFolders } from './train-documents.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Nats a token of the documents held out. */
const WANTED = 5;
const MOST_STEPS = 300;
/** Steps of a turn; the held-out loss is measured at its end. */
const TURN = 20;

/** What a turn of a side tells. */
interface Turn {
  /** Of the clock, and of processor time; the look at the held-out loss included. */
  readonly seconds: readonly [clock: number, processor: number];
  readonly losses: readonly number[];
  readonly heldOut: number;
}

/** Trains both sides until they are there, and prints how long they took. */
export async function benchLoss(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'smollm2-bench-'));
  try {
    const recipe = await nanoRecipe();
    const ours = await oursOf(recipe, folder);
    const theirs = askPython<Turn>('train_torch_loss.py', [folder]);
    const sides = [{ name: 'smollm2', turn: ours.turn }];
    if (theirs) sides.push({ name: 'PyTorch, eager', turn: theirs.ask });
    const lines = sides.map(({ name, turn }) => ({ name, turn, turns: [] as Turn[] }));
    for (let step = 0; step < MOST_STEPS; step += TURN) {
      // Who is there waits: the other one goes on alone.
      const left = lines.filter(({ turns }) => !((turns.at(-1)?.heldOut ?? Infinity) <= WANTED));
      for (const { turn, turns } of left) turns.push(await turn(TURN));
      if (left.length === 0) break;
    }
    console.log(
      `nano, 4 x 256 ids a step, one thread, to a held-out loss of ${WANTED} (looked at every ${TURN} steps)`,
    );
    console.table(lines.map(summaryOf));
    if (theirs) console.log(agreement(lines[0].turns, lines[1].turns));
    await ours.close();
    await theirs?.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function summaryOf({ name, turns }: { name: string; turns: readonly Turn[] }) {
  const total = (clock: number) => turns.reduce((sum, { seconds }) => sum + seconds[clock], 0).toFixed(1);
  return {
    program: name,
    steps: turns.length * TURN,
    'processor seconds': total(1),
    'seconds of the clock': total(0),
    'held-out loss': turns.at(-1)!.heldOut.toFixed(4),
  };
}

/** How far the two curves are from each other, over the steps that both took. */
function agreement(ours: readonly Turn[], theirs: readonly Turn[]): string {
  const far = (a: readonly number[], b: readonly number[]) =>
    Math.max(...a.slice(0, b.length).map((value, i) => Math.abs(value - b[i])));
  const losses = [ours, theirs].map((turns) => turns.flatMap((turn) => turn.losses));
  const looks = [ours, theirs].map((turns) => turns.map(({ heldOut }) => heldOut));
  return (
    `training losses differ by ${far(losses[0].slice(0, TURN), losses[1]).toExponential(1)} at most in the first ` +
    `${TURN} steps, by ${far(losses[0], losses[1]).toExponential(1)} in all; held-out ones by ${far(looks[0], looks[1]).toExponential(1)}`
  );
}

/** recipes/nano.yaml at the batch of the targets, 4 x 256. */
async function nanoRecipe(): Promise<PretrainRecipe> {
  const { recipe } = await readRecipeFile(join(ROOT, 'recipes/nano.yaml'));
  if (recipe.kind !== 'pretrain') throw new Error('recipes/nano.yaml: expected pretraining');
  return { ...recipe, sequenceLength: 256, microBatchSize: 4, trainSteps: MOST_STEPS };
}

/** Our side made ready; the other one finds weights, windows and rates in the folder. */
async function oursOf(recipe: PretrainRecipe, folder: string) {
  const { model: config, sequenceLength, microBatchSize, seed, schedule, optimizer } = recipe;
  const [train, heldOut] = tokenFolders(config.vocabSize);
  const options = { sequenceLength, vocabSize: config.vocabSize, order: 'fresh', seed } as const;
  const windows = new PackedWindows({ ...options, parts: [{ folder: train, weight: undefined }] });
  const held = new HeldOutWindows(heldOut, sequenceLength, config.vocabSize);
  const objective = new PretrainObjective(recipe, [windows], held);
  const shape = { threads: 1, maxRows: microBatchSize * sequenceLength, maxSeqLen: sequenceLength };
  const machine = await openTraining(config, shape, nodeTrainingPlatform);
  initialise(machine, recipe.initStd, seed);
  const weights = machine.parameters.map(({ name, shape }) => ({
    name,
    shape,
    values: machine.read('values', name) as Float32Array,
  }));
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([...safetensorsPieces(weights)]));
  writeFileSync(join(folder, 'windows.bin'), await idsOf(windows, MOST_STEPS * microBatchSize));
  writeFileSync(join(folder, 'held-out.bin'), await idsOf(held, held.numRows));
  const rates = Array.from({ length: MOST_STEPS }, (_, i) => learningRateAt(schedule, i + 1));
  const { beta1, beta2, eps, weightDecay, clipGrad } = optimizer;
  const numbers = { beta1, beta2, eps, weightDecay };
  writeFileSync(
    join(folder, 'run.json'),
    JSON.stringify({
      config: hfConfigJson(config),
      rates,
      ...numbers,
      clipGrad,
      microBatchSize,
      sequenceLength,
    }),
  );
  let step = 0;
  const turn = async (steps: number): Promise<Turn> => {
    const [clock, before] = [performance.now(), process.cpuUsage()];
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      losses.push((await objective.accumulate(machine, ++step)).loss);
      const norm = Math.sqrt((await machine.gradientSquares()).reduce((sum, square) => sum + square, 0));
      const learningRate = rates[step - 1];
      await machine.update(
        { ...numbers, learningRate, update: step, undecayed: [], maxNorm: clipGrad },
        norm,
      );
    }
    const { loss } = (await objective.evaluate(machine))!;
    const { user, system } = process.cpuUsage(before);
    return { seconds: [(performance.now() - clock) / 1000, (user + system) / 1e6], losses, heldOut: loss };
  };
  return { turn, close: () => machine.close() };
}

/** Windows as int32, each with the id behind its last. */
async function idsOf(
  source: { row(index: number): Promise<{ ids: Int32Array; labels: Int32Array }> },
  count: number,
) {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const { ids, labels } = await source.row(i);
    all.push(...ids, labels[labels.length - 1]);
  }
  return Int32Array.from(all);
}
