// Supervised fine-tuning: the cross-entropy of labelled tokens, one mean over all labels of a step (TRL's SFTTrainer,
// padding-free: rows lie one behind the other, each a sequence of its own).

import type { RowLosses } from '../ops-backward.ts';
import type { LabelledRow } from './chat-rows.ts';
import type { Batch } from './learner.ts';
import type { TrainingMachine } from './machine.ts';
import type { EvaluationLoss, Objective, StepLoss } from './objective.ts';
import { packed } from './packing.ts';
import { type SftRecipe, sequencesPerStep } from './recipe.ts';
import { countLabels } from './row-batch.ts';
import { groupsOf, RowOrder } from './row-order.ts';
import { type Placed, placeOf } from './row-place.ts';

type PlacedRow = LabelledRow & Placed;

export class SftObjective implements Objective {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly consumedRows: Record<string, number> = {};
  /** Rows of each sequence of a batch: one, or as many as are packed. */
  readonly bins: readonly (readonly PlacedRow[])[];
  private readonly heldOut: readonly LabelledRow[];
  private readonly order: RowOrder;
  private readonly microBatchSize: number;
  private steps = 0;

  /** @param rows at most recipe.maxLength ids each, with at least one label */
  constructor(recipe: SftRecipe, rows: readonly PlacedRow[], heldOut: readonly LabelledRow[]) {
    this.bins = recipe.packing ? packed(rows, recipe.maxLength) : rows.map((row) => [row]);
    this.heldOut = heldOut;
    this.microBatchSize = recipe.microBatchSize;
    this.order = new RowOrder(this.bins.length, sequencesPerStep(recipe), recipe.seed);
    this.stepsPerEpoch = this.order.stepsPerEpoch;
    this.totalSteps = this.order.totalSteps(recipe.epochs, recipe.maxSteps);
  }

  async accumulate(machine: TrainingMachine, step: number): Promise<StepLoss> {
    this.steps = step;
    const numbers = this.order.rowsOf(step);
    const batches = groupsOf(numbers, this.microBatchSize).map((group) =>
      batchOfLabelled(group.flatMap((n) => this.bins[n])),
    );
    const labels = batches.reduce((sum, batch) => sum + countLabels(batch.labels), 0);
    const sums = new LossSums();
    for (const batch of batches) {
      const weights = batch.labels.map(() => 1 / Math.max(labels, 1));
      sums.add(await machine.gradients(batch, weights));
    }
    this.consumedRows.rows = this.order.rowsThrough(step);
    const extra = {
      mean_token_accuracy: sums.hits / labels,
      entropy: sums.entropy / labels,
    };
    return {
      loss: sums.loss / Math.max(labels, 1),
      labels,
      extra,
      places: numbers.flatMap((n) => this.bins[n].map((row) => placeOf(row, `row ${n + 1}`))),
    };
  }

  isExhausted(): boolean {
    return false;
  }

  epochs(): number {
    return this.steps / this.stepsPerEpoch;
  }

  async evaluate(machine: TrainingMachine): Promise<EvaluationLoss | undefined> {
    if (this.heldOut.length === 0) return undefined;
    const sums = new LossSums();
    let labels = 0;
    for (const group of groupsOf(this.heldOut, this.microBatchSize)) {
      const batch = batchOfLabelled(group);
      labels += countLabels(batch.labels);
      sums.add(await machine.losses(batch));
    }
    return { loss: sums.loss / labels, extra: { eval_mean_token_accuracy: sums.hits / labels } };
  }
}

/** Each position but the last of a row is to be followed by the next one's label. */
export function batchOfLabelled(rows: readonly LabelledRow[]): Batch {
  return {
    ids: rows.flatMap(({ ids }) => ids.slice(0, -1)),
    labels: rows.flatMap(({ labels }) => labels.slice(1)),
    sequenceLengths: rows.map(({ ids }) => ids.length - 1),
  };
}

/** Sums over the rows of several passes, ascending. */
class LossSums {
  loss = 0;
  hits = 0;
  entropy = 0;

  add({ losses, hits, entropies }: RowLosses): void {
    for (let t = 0; t < losses.length; t++) {
      this.loss += losses[t];
      this.hits += hits[t];
      this.entropy += entropies[t];
    }
  }
}
