// A run of training on this machine: recipe, tokens, machine, log and checkpoints in one folder.
//
//     DIR/log.jsonl         a line a step
//     DIR/report.html       curves and samples, live
//     DIR/checkpoints/      one folder a checkpoint, and `latest`
//     DIR/best/             the checkpoint of the best evaluation
//     DIR/tokenizer.json    a copy of the recipe's, where there is one
//     DIR/adapter_*         of LoRA: what PEFT loads

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ADAPTER_FILES } from '../../format/peft.ts';
import { decayFrom } from '../../train/decay-branch.ts';
import type { Recipe } from '../../train/recipe.ts';
import { recipeChanges } from '../../train/recipe-changes.ts';
import { restore, Trainer, type TrainingResult } from '../../train/trainer.ts';
import type { TrainingCheckpoint, TrainingState } from '../../train/training-state.ts';
import { writeFileWhole } from '../write-file.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';
import { branchFolder } from './decay-branch.ts';
import { openFineTuning } from './fine-tuning.ts';
import type { OpenRun, RunOptions } from './open-run.ts';
import { openPretraining } from './pretraining.ts';
import { pathOfRecipe, readRecipeFile } from './recipe-file.ts';
import { ReportFile } from './report-file.ts';
import { RunLog } from './run-log.ts';

export async function runTraining(asked: RunOptions): Promise<TrainingResult> {
  const { onNote } = asked;
  const { recipe: written, notices } = await readRecipeFile(asked.recipe);
  for (const notice of notices) onNote(notice);
  const seeded = asked.seed === undefined ? written : withSeed(written, asked.seed);
  const { recipe, options } = await branched(seeded, asked);
  const { out } = options;
  const store = new CheckpointFolder(join(out, 'checkpoints'), onNote, recipe.checkpoints.keep);
  const resumed = await resumedCheckpoint(store, recipe, options);
  const place = (path: string) => pathOfRecipe(path, options.recipe);
  const run = await openRun(recipe, options, resumed?.state, place);
  const log = new RunLog(join(out, 'log.jsonl'), onNote);
  try {
    await log.keepUpTo(resumed?.state.step ?? 0);
    const report = new ReportFile(out, await log.lines(), onNote);
    // What a run begins with is there before a checkpoint is: frozen weights, a reference's log-probabilities.
    await run.begin();
    if (resumed) {
      restore(run.machine, resumed);
      // They would be older than the checkpoints, should the run be killed.
      for (const name of ADAPTER_FILES) await rm(join(out, name), { force: true });
    }
    const trainer = new Trainer(
      run.machine,
      run.objective,
      {
        ...run,
        recipe,
        checkpointInterval: run.checkpointInterval ?? recipe.checkpoints.interval,
        saveInitial: recipe.checkpoints.saveInitial,
        saveFinal: recipe.checkpoints.saveFinal,
        evaluationInterval: run.evaluationInterval ?? recipe.evaluation.interval,
        maxSteps: options.maxSteps,
        skipsNan: options.skipsNan,
        store,
        bestStore: new CheckpointFolder(join(out, 'best'), onNote, 1),
        onStep: async (line) => {
          await log.append(line);
          await report.step(line, run.objective.totalSteps);
          options.onStep?.(line, run.objective.totalSteps);
        },
        onNote,
        isInterrupted: options.isInterrupted,
      },
      resumed?.state,
    );
    const result = await trainer.run().catch(async (error) => {
      await report.end({ totalSteps: run.objective.totalSteps });
      throw error;
    });
    await report.end({ totalSteps: run.objective.totalSteps, lossHash: result.state.lossHash });
    for (const [name, bytes] of run.adapters?.() ?? []) await writeFileWhole(join(out, name), [bytes]);
    return { ...result, isSaved: result.isSaved && (await log.flush()) === undefined };
  } finally {
    await run.close();
  }
}

function openRun(
  recipe: Recipe,
  options: RunOptions,
  state: TrainingState | undefined,
  place: (path: string) => string,
): Promise<OpenRun> {
  if (recipe.kind === 'pretrain') return openPretraining(recipe, options, state, place);
  return openFineTuning(recipe, options, place);
}

/** The checkpoint to go on from, when the run's past is the recipe's. */
async function resumedCheckpoint(
  store: CheckpointFolder,
  recipe: Recipe,
  { resume, onNote, out }: RunOptions,
): Promise<TrainingCheckpoint | undefined> {
  const names = await store.names();
  if (!resume) {
    if (names.length === 0) return undefined;
    throw new RangeError(
      `--out: expected a folder without a run, got ${out} with ${names.at(-1)}; go on with --resume`,
    );
  }
  const checkpoint = await store.latest();
  if (!checkpoint) {
    onNote(`${out}: no checkpoint yet; beginning with step 1`);
    return undefined;
  }
  const { step } = checkpoint.state;
  const { allowed, refused } = recipeChanges(checkpoint.state.recipe as Recipe, recipe, step);
  if (refused.length > 0) {
    throw new RangeError(
      `--resume: expected the recipe that the first ${step} steps were trained with, got ${refused.join('; ')}`,
    );
  }
  for (const change of allowed) onNote(`recipe changed: ${change}`);
  onNote(`going on from step ${step}`);
  return checkpoint;
}

/** With `--decay-from`, the run goes on in a folder of its own, from the checkpoint of that step. */
async function branched(
  stable: Recipe,
  options: RunOptions,
): Promise<{ recipe: Recipe; options: RunOptions }> {
  const { decayFrom: step, decaySteps } = options;
  if (step === undefined) return { recipe: stable, options };
  const recipe = decayFrom(stable, step, decaySteps);
  const out = await branchFolder(options.out, step, recipe.schedule.decaySteps);
  options.onNote(`decaying in ${out}`);
  return { recipe, options: { ...options, out, resume: true } };
}

function withSeed(recipe: Recipe, seed: number): Recipe {
  if (recipe.kind !== 'pretrain') return { ...recipe, seed };
  return { ...recipe, seed, stages: recipe.stages.map((stage) => ({ ...stage, seed })) };
}
