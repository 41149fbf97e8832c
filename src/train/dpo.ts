// Direct preference optimisation: pairs of answers, and log-probabilities of a reference (the model before the run)
// that are computed once and kept. One pass tells the log-probabilities, a second one brings the gradient, weighted by
// what preference.ts says of each pair.

import type { LabelledRow } from './chat-rows.ts';
import type { TrainingMachine } from './machine.ts';
import type { EvaluationLoss, Objective, StepLoss } from './objective.ts';
import { type PairLogProbs, type PairLoss, pairLoss } from './preference.ts';
import { type DpoRecipe, sequencesPerStep } from './recipe.ts';
import { countLabels } from './row-batch.ts';
import { groupsOf, RowOrder } from './row-order.ts';
import { type Placed, placeOf } from './row-place.ts';
import { batchOfLabelled } from './sft.ts';

export interface PreferencePair extends Placed {
  readonly chosen: LabelledRow;
  readonly rejected: LabelledRow;
}

interface JudgedPair {
  readonly pair: PairLoss;
  readonly policy: PairLogProbs;
}

export class DpoObjective implements Objective {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly consumedRows: Record<string, number> = {};
  private readonly recipe: DpoRecipe;
  private readonly pairs: readonly PreferencePair[];
  private readonly heldOut: readonly PreferencePair[];
  private readonly order: RowOrder;
  private references: PairLogProbs[] = [];
  private heldOutReferences: PairLogProbs[] = [];
  private steps = 0;

  constructor(recipe: DpoRecipe, pairs: readonly PreferencePair[], heldOut: readonly PreferencePair[]) {
    this.recipe = recipe;
    this.pairs = pairs;
    this.heldOut = heldOut;
    this.order = new RowOrder(pairs.length, sequencesPerStep(recipe), recipe.seed);
    this.stepsPerEpoch = this.order.stepsPerEpoch;
    this.totalSteps = this.order.totalSteps(recipe.epochs, recipe.maxSteps);
  }

  /** Computes the reference's log-probabilities: before the first update, and before a checkpoint is restored. */
  async prepare(machine: TrainingMachine, onPairs?: (done: number, total: number) => void): Promise<void> {
    const total = this.pairs.length + this.heldOut.length;
    this.references = await this.logProbs(machine, this.pairs, (done) => onPairs?.(done, total));
    this.heldOutReferences = await this.logProbs(machine, this.heldOut, (done) =>
      onPairs?.(this.pairs.length + done, total),
    );
  }

  async accumulate(machine: TrainingMachine, step: number): Promise<StepLoss> {
    this.steps = step;
    const numbers = this.order.rowsOf(step);
    const judged: JudgedPair[] = [];
    let labels = 0;
    for (const group of groupsOf(numbers, this.recipe.microBatchSize)) {
      const pairs = group.map((n) => this.pairs[n]);
      const here = this.judge(
        await this.logProbs(machine, pairs),
        group.map((n) => this.references[n]),
      );
      judged.push(...here);
      const batch = batchOfLabelled(pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]));
      labels += countLabels(batch.labels);
      // d loss / d (log-probability) is dChosen for the chosen answer and -dChosen for the other; a row's loss is the
      // opposite of its log-probability.
      const weights = here.flatMap(({ pair }) => [
        -pair.dChosen / numbers.length,
        pair.dChosen / numbers.length,
      ]);
      const rowWeights = batch.sequenceLengths.flatMap((length, i) =>
        new Array<number>(length).fill(weights[i]),
      );
      await machine.gradients(batch, rowWeights);
    }
    this.consumedRows.rows = this.order.rowsThrough(step);
    const { loss, extra } = summary(judged, '');
    return { loss, labels, extra, places: numbers.map((n) => placeOf(this.pairs[n], `pair ${n + 1}`)) };
  }

  isExhausted(): boolean {
    return false;
  }

  epochs(): number {
    return this.steps / this.stepsPerEpoch;
  }

  async evaluate(machine: TrainingMachine): Promise<EvaluationLoss | undefined> {
    if (this.heldOut.length === 0) return undefined;
    return summary(this.judge(await this.logProbs(machine, this.heldOut), this.heldOutReferences), 'eval_');
  }

  private judge(policies: readonly PairLogProbs[], references: readonly PairLogProbs[]): JudgedPair[] {
    return policies.map((policy, i) => ({ policy, pair: pairLoss(policy, references[i], this.recipe.beta) }));
  }

  private async logProbs(
    machine: TrainingMachine,
    pairs: readonly PreferencePair[],
    onPairs?: (done: number) => void,
  ): Promise<PairLogProbs[]> {
    const all: PairLogProbs[] = [];
    for (const group of groupsOf(pairs, this.recipe.microBatchSize)) {
      const batch = batchOfLabelled(group.flatMap(({ chosen, rejected }) => [chosen, rejected]));
      const { losses } = await machine.losses(batch);
      const sums: number[] = [];
      let at = 0;
      for (const length of batch.sequenceLengths) {
        let sum = 0;
        for (const end = at + length; at < end; at++) sum -= losses[at];
        sums.push(sum);
      }
      for (let i = 0; i < sums.length; i += 2) all.push({ chosen: sums[i], rejected: sums[i + 1] });
      onPairs?.(all.length);
    }
    return all;
  }
}

/** Means over pairs, under TRL's names. */
function summary(judged: readonly JudgedPair[], prefix: string): EvaluationLoss {
  const mean = (value: (judged: JudgedPair) => number) =>
    judged.reduce((sum, one) => sum + value(one), 0) / judged.length;
  const extra = {
    'rewards/chosen': mean(({ pair }) => pair.chosenReward),
    'rewards/rejected': mean(({ pair }) => pair.rejectedReward),
    'rewards/margins': mean(({ pair }) => pair.chosenReward - pair.rejectedReward),
    'rewards/accuracies': mean(({ pair }) => (pair.chosenReward > pair.rejectedReward ? 1 : 0)),
    'logps/chosen': mean(({ policy }) => policy.chosen),
    'logps/rejected': mean(({ policy }) => policy.rejected),
  };
  const named = Object.entries(extra).map(([name, value]) => [`${prefix}${name}`, value]);
  return { loss: mean(({ pair }) => pair.loss), extra: Object.fromEntries(named) };
}
