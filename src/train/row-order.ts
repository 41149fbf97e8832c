// In which order a fine-tuning run sees its rows: a new permutation each epoch, and a last step with what is left.

import { Rng } from '../base/rng.ts';
import { seedFor } from '../base/seed.ts';

export class RowOrder {
  readonly stepsPerEpoch: number;
  private readonly numRows: number;
  private readonly rowsPerStep: number;
  private readonly seed: number;

  constructor(numRows: number, rowsPerStep: number, seed: number) {
    if (numRows === 0) throw new RangeError('rows: expected at least one, got none');
    this.numRows = numRows;
    this.rowsPerStep = rowsPerStep;
    this.seed = seed;
    this.stepsPerEpoch = Math.ceil(numRows / rowsPerStep);
  }

  /** Steps of so many epochs, or of `maxSteps`. */
  totalSteps(epochs: number, maxSteps: number | undefined): number {
    return maxSteps ?? Math.max(1, Math.ceil(epochs * this.stepsPerEpoch));
  }

  /** Numbers of the rows of iteration `step`, from 1. */
  rowsOf(step: number): number[] {
    const epoch = Math.floor((step - 1) / this.stepsPerEpoch);
    const order = this.permutation(epoch);
    const begin = ((step - 1) % this.stepsPerEpoch) * this.rowsPerStep;
    return order.slice(begin, begin + this.rowsPerStep);
  }

  /** Rows of the first `step` iterations. */
  rowsThrough(step: number): number {
    const rest = Math.min((step % this.stepsPerEpoch) * this.rowsPerStep, this.numRows);
    return Math.floor(step / this.stepsPerEpoch) * this.numRows + rest;
  }

  private permutation(epoch: number): number[] {
    const rng = Rng.fromSeed(seedFor(this.seed, 'order', `epoch ${epoch}`));
    const order = Array.from({ length: this.numRows }, (_, i) => i);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(rng.next() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}

/** Groups of `size`, the last one with what is left. */
export function groupsOf<Item>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = [];
  for (let begin = 0; begin < items.length; begin += size) groups.push(items.slice(begin, begin + size));
  return groups;
}
