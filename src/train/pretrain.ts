// Next-token prediction on packed windows: the objective of pretraining. Micro-batches of a step are added up with one
// weight for every label of the whole step, so accumulation changes nothing but rounding.

import { exp } from '../base/math.ts';
import type { TrainingMachine } from './machine.ts';
import type { EvaluationLoss, Objective, StepLoss } from './objective.ts';
import { type PretrainRecipe, sequencesPerStep, stageAt } from './recipe.ts';
import { batchOfRows, countLabels } from './row-batch.ts';
import type { TrainingRow, WindowSource } from './window-source.ts';

/** Held-out rows, all of them measured at each evaluation. */
export interface HeldOutRows {
  readonly numRows: number;
  /** Tokens of a byte of text, for bits per byte; undefined where nobody knows. */
  readonly tokensPerByte: number | undefined;
  row(index: number): Promise<TrainingRow>;
}

/** Where a run of pretraining begins, or goes on. */
export interface PretrainStart {
  /** Of a checkpoint that is resumed. */
  readonly consumedRows?: Readonly<Record<string, number>>;
  /** What tells the data of each stage from others; for the checkpoint. */
  readonly data?: Readonly<Record<string, string>>;
  /** Go on with the data from the beginning when they are exhausted; true unless told otherwise. */
  readonly repeats?: boolean;
}

export class PretrainObjective implements Objective {
  readonly totalSteps: number;
  readonly data: Readonly<Record<string, string>>;
  readonly consumedRows: Record<string, number>;
  private readonly recipe: PretrainRecipe;
  private readonly sources: readonly WindowSource[];
  private readonly heldOut: HeldOutRows | undefined;
  private readonly repeats: boolean;
  private stage = 0;

  /** @param sources one a stage */
  constructor(
    recipe: PretrainRecipe,
    sources: readonly WindowSource[],
    heldOut: HeldOutRows | undefined,
    { consumedRows = {}, data = {}, repeats = true }: PretrainStart = {},
  ) {
    this.recipe = recipe;
    this.sources = sources;
    this.heldOut = heldOut;
    this.repeats = repeats;
    this.data = data;
    this.totalSteps = recipe.trainSteps;
    // Without a prototype: a stage may be named `constructor`.
    this.consumedRows = Object.assign(Object.create(null), consumedRows);
  }

  async accumulate(machine: TrainingMachine, step: number): Promise<StepLoss> {
    const { microBatchSize } = this.recipe;
    const rows = await this.rowsOf(step);
    const numLabels = rows.reduce((sum, { labels }) => sum + countLabels(labels), 0);
    let sum = 0;
    for (let begin = 0; begin < rows.length; begin += microBatchSize) {
      const batch = batchOfRows(rows.slice(begin, begin + microBatchSize));
      const { losses } = await machine.gradients(
        batch,
        batch.ids.map(() => 1 / Math.max(numLabels, 1)),
      );
      for (const loss of losses) sum += loss;
    }
    const places = rows.map(({ place }) => place);
    return { loss: sum / Math.max(numLabels, 1), labels: numLabels, extra: {}, places };
  }

  isExhausted(step: number): boolean {
    if (this.repeats) return false;
    const stage = stageAt(this.recipe.stages, step);
    return this.consumed(stage) + sequencesPerStep(this.recipe) > this.sources[stage].rowsUntilRepeat;
  }

  epochs(): number {
    return this.consumed(this.stage) / this.sources[this.stage].rowsPerEpoch;
  }

  async evaluate(machine: TrainingMachine): Promise<EvaluationLoss | undefined> {
    const { heldOut } = this;
    if (!heldOut) return undefined;
    const { microBatchSize } = this.recipe;
    let sum = 0;
    let count = 0;
    for (let begin = 0; begin < heldOut.numRows; begin += microBatchSize) {
      const rows: TrainingRow[] = [];
      for (let i = begin; i < Math.min(begin + microBatchSize, heldOut.numRows); i++) {
        rows.push(await heldOut.row(i));
      }
      const batch = batchOfRows(rows);
      for (const loss of (await machine.losses(batch)).losses) sum += loss;
      count += countLabels(batch.labels);
    }
    const loss = sum / count;
    const { tokensPerByte } = heldOut;
    const perByte = tokensPerByte && { eval_bits_per_byte: (loss * tokensPerByte) / Math.LN2 };
    return { loss, extra: { eval_perplexity: exp(loss), ...perByte } };
  }

  private consumed(stage: number): number {
    return this.consumedRows[this.recipe.stages[stage].name] ?? 0;
  }

  private async rowsOf(step: number): Promise<TrainingRow[]> {
    this.stage = stageAt(this.recipe.stages, step);
    const first = this.consumed(this.stage);
    const count = sequencesPerStep(this.recipe);
    const rows: TrainingRow[] = [];
    for (let i = first; i < first + count; i++) rows.push(await this.sources[this.stage].row(i));
    this.consumedRows[this.recipe.stages[this.stage].name] = first + count;
    return rows;
  }
}
